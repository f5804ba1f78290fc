/* Faults made on purpose, to prove that what watches over the process finds them. Never called in service. */
#ifndef MINSHENG_DRILL_HPP
#define MINSHENG_DRILL_HPP

#include <pjsua2/types.hpp>

namespace pj
{

/**
 * Take the stack's one lock on a thread that never gives it back, and return once it is held: whoever needs the lock
 * from then on waits for ever, the SIP worker first. Only the end of the process helps.
 *
 * @throw Error     PJ_EINVALIDOP when there is no endpoint.
 */
void drillDeadlock() PJSUA2_THROW(Error);

} // namespace pj

#endif
