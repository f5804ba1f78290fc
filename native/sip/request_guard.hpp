/* What requests get that are no call, and in what form those that are reach the stack. */
#ifndef MINSHENG_REQUEST_GUARD_HPP
#define MINSHENG_REQUEST_GUARD_HPP

#include <pjsua2/types.hpp>

namespace pj
{

/**
 * Guard the endpoint's requests, from libInit() to libDestroy(); what remains is left to the stack.
 *
 * Outside a dialog: methods of a call get 481, any other but OPTIONS 405 (RFC 3261, 8.2.1). Within one: INFO without a
 * body and OPTIONS get 200, an INFO nobody here understands 415 or 469 (RFC 6086), NOTIFY 489, any other method that is
 * not a call's 405. The session description is taken out of multipart bodies (RFC 5621), what follows a message in its
 * datagram is thrown away, and an offer with no address of the family (IPv4, IPv6) that it came by
 * gets 488 with a Warning.
 *
 * An INVITE for which the stack has no place left gets 503 with Retry-After.
 *
 * Allow, Accept and Supported name what is really served.
 *
 * @throw Error     PJ_EINVALIDOP when there is no endpoint.
 */
void guardRequests() PJSUA2_THROW(Error);

/**
 * Say by OPTIONS outside a dialog whether calls are taken: 503 with Retry-After, or 200.
 *
 * @param retryAfter    Seconds to name; 0: calls are taken. Any thread.
 */
void refuseOptions(unsigned retryAfter);

} // namespace pj

#endif
