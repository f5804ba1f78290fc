/* A caller handed over to somebody else by his own side (RFC 3515), and what becomes of it. */
#ifndef MINSHENG_REFERRAL_HPP
#define MINSHENG_REFERRAL_HPP

#include <pjsua2/call.hpp>

#include <memory>
#include <string>

namespace pj
{

/**
 * Take the NOTIFY requests of referrals, from libInit() to libDestroy(); all others are left to the request guard.
 *
 * @throw Error     PJ_EINVALIDOP when there is no endpoint.
 */
void takeReferrals() PJSUA2_THROW(Error);

#ifndef SWIG
struct ReferralState;
#endif

/**
 * One REFER within a call, and what it led to. Each may be used once, on any thread the stack knows.
 *
 * REFER is sent beside the call's dialog: whatever is answered, or that nothing is, does not end the call, as the
 * stack by itself would have it after 408 and 481 (RFC 3261, 12.2.1.2). What NOTIFY tells is taken also when the call
 * is over, since many an exchange ends the call as soon as it has taken the REFER; the subscription keeps nothing of
 * the stack alive. The object is gone without a word: a NOTIFY after that gets 489, or 481.
 */
class Referral
{
public:
    Referral();
    ~Referral();

    /**
     * Ask the other side of a call to call somebody.
     *
     * @param call      A call that stands.
     * @param to        The SIP URI to be called.
     * @param headers   More headers of the request.
     *
     * @throw Error     The call does not stand, or the request could not be sent.
     */
    void send(const Call &call, const std::string &to, const SipHeaderVector &headers) PJSUA2_THROW(Error);

    /** The final status that REFER was answered with, 408 when it was not; 0 while there is none. */
    unsigned answer() const;

    /** The status of the call it led to, as NOTIFY has told it last; 0 while none has. */
    unsigned told() const;

    /** Whether a NOTIFY has said that it is the last. */
    bool over() const;

private:
    Referral(const Referral &) = delete;
    Referral &operator=(const Referral &) = delete;
    std::shared_ptr<ReferralState> state;
};

} // namespace pj

#endif
