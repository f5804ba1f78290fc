/* The session description in a request's body, in the forms in which carriers send it. */
#ifndef MINSHENG_SESSION_BODY_HPP
#define MINSHENG_SESSION_BODY_HPP

#include <pjsip.h>

namespace minsheng
{

/** Discard what stands behind the body in the datagram (RFC 3261, 18.3), or, without a Content-Length, NULs there. */
void cut_body(pjsip_rx_data *rdata);

/**
 * Leave of the body what the stack can read: the session description, which may stand in any part of a multipart
 * body (RFC 5621), be it a part of a part, or no body at all when nothing in it must be understood. Any other body
 * stays as it is.
 *
 * @return          false when it is said to be multipart and is not.
 */
bool unwrap_session(pjsip_rx_data *rdata);

/** Whether the message says that its body need not be understood (handling=optional; RFC 3204, RFC 3261 20.11). */
bool is_optional(const pjsip_hdr *headers);

/**
 * Refuse the audio streams of the session description to which nothing can be sent: those that name no IPv4 address.
 *
 * @return          false when no audio stream is left because of that.
 */
bool refuse_unreachable(pjsip_rx_data *rdata);

} // namespace minsheng

#endif
