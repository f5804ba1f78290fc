#include "arrival.hpp"

#include <pjsip.h>
#include <pjsua-lib/pjsua.h>

#define THIS_FILE "arrival.cpp"

namespace pj
{

Arrival arrivalOf(const SipRxData &data) PJSUA2_THROW(Error)
{
    const auto *rdata = static_cast<const pjsip_rx_data *>(data.pjRxData);
    if (!rdata || !rdata->tp_info.transport)
        PJSUA2_RAISE_ERROR3(PJ_EINVAL, "arrivalOf()", "no message");
    const pjsip_transport *transport = rdata->tp_info.transport;
    Arrival arrival;
    switch (transport->key.type & ~PJSIP_TRANSPORT_IPV6) {
    case PJSIP_TRANSPORT_UDP:
        arrival.transport = "udp";
        break;
    case PJSIP_TRANSPORT_TCP:
        arrival.transport = "tcp";
        break;
    case PJSIP_TRANSPORT_TLS:
        arrival.transport = "tls";
        break;
    }
    arrival.port = pj_sockaddr_get_port(&transport->local_addr);
    return arrival;
}

} // namespace pj
