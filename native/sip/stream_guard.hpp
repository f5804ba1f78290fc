/* What a stream of SIP messages (TCP, TLS) may hold: nothing that does not fit the stack's receive buffer. */
#ifndef MINSHENG_STREAM_GUARD_HPP
#define MINSHENG_STREAM_GUARD_HPP

#include <pjsua2/types.hpp>

namespace pj
{

/**
 * Guard every stream of the endpoint, from libInit() to libDestroy().
 *
 * A request beyond PJSIP_MAX_PKT_LEN gets 413 (RFC 3261, 21.4.11) as soon as its headers are there, its body is
 * thrown away as it comes, and the connection goes on: it may carry a trunk's other calls. An ACK, a response or a
 * request that cannot be answered is thrown away in silence. A connection whose headers do not end within the buffer
 * is closed. The stack by itself answers none of these and loses its place in the stream.
 *
 * @throw Error     PJ_EINVALIDOP when there is no endpoint.
 */
void guardStreams() PJSUA2_THROW(Error);

} // namespace pj

#endif
