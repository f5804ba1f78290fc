/* Who must know the moment a call is over, whatever the program above is doing. */
#ifndef MINSHENG_CALL_WATCH_HPP
#define MINSHENG_CALL_WATCH_HPP

#include <pjsua2/call.hpp>

#ifndef SWIG
#include <memory>
#endif

namespace pj
{

/**
 * Watch every call of the endpoint, from libInit() to libDestroy().
 *
 * What belongs to a call and says so (DuplexTap::closeWith()) ends in the moment in which the stack calls it over,
 * before Python is told of anything. Two kinds of callbacks are no longer made: of transactions, which come before that
 * moment and nobody here listens to, and of media events (a peer's port that is closed, for one), which come on the
 * audio clock thread; neither may wait for Python.
 *
 * @throw Error     PJ_EINVALIDOP when there is no endpoint.
 */
void watchCalls() PJSUA2_THROW(Error);

#ifndef SWIG
/** Ends with a call. */
class CallCompanion
{
public:
    virtual ~CallCompanion() {}

    /** The call is over. Called once, on a thread that holds the call's locks: must not wait or enter Python. */
    virtual void callOver() = 0;
};

/** Tell companion when call is over: at once if it is already. The call's owner must not destroy it meanwhile. */
void endWith(const Call &call, std::shared_ptr<CallCompanion> companion);

/** Whether the stack still knows call as the one behind its number. */
bool holdsSlot(const Call &call);
#endif

} // namespace pj

#endif
