/* How a message came to us. */
#ifndef MINSHENG_ARRIVAL_HPP
#define MINSHENG_ARRIVAL_HPP

#include <pjsua2/siptypes.hpp>

#include <string>

namespace pj
{

/** By what a message came, known from our own socket and not from what the message says of itself. */
struct Arrival
{
    std::string transport;  /**< "udp", "tcp" or "tls", of either address family. */
    unsigned port = 0;      /**< Ours: that of the socket, or of the listener that took the connection. */
};

/**
 * How this message came.
 *
 * @param data      Of a callback that has not returned yet: the message lives no longer.
 *
 * @throw Error     PJ_EINVAL when the data is of no message.
 */
Arrival arrivalOf(const SipRxData &data) PJSUA2_THROW(Error);

} // namespace pj

#endif
