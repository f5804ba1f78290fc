#include "stream_guard.hpp"

#include <pjsua-lib/pjsua.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <unordered_map>

#define THIS_FILE "stream_guard.cpp"

namespace
{

/* Streams of which a body was thrown away, and how much of one is still to come. */
std::mutex lock;
std::unordered_map<pjsip_transport *, pj_size_t> skipped;

void stream_changed(pjsip_transport *stream, pjsip_transport_state state, const pjsip_transport_state_info *)
{
    if (state == PJSIP_TP_STATE_DESTROY) {
        std::lock_guard<std::mutex> held(lock);
        skipped.erase(stream);  // the next stream may live at the same address
    }
}

/* How many of these bytes belong to a body that is being thrown away. */
pj_size_t skip(pjsip_transport *stream, pj_size_t available)
{
    std::lock_guard<std::mutex> held(lock);
    auto found = skipped.find(stream);
    if (found == skipped.end())
        return 0;
    pj_size_t taken = std::min(found->second, available);
    found->second -= taken;
    return taken;
}

void begin_to_skip(pjsip_transport *stream, pj_size_t size)
{
    bool fresh;
    {
        std::lock_guard<std::mutex> held(lock);
        fresh = skipped.find(stream) == skipped.end();
        skipped[stream] = size;
    }
    if (fresh) {
        pjsip_tp_state_listener_key *key;   // not needed: the listener goes with the stream
        pjsip_transport_add_state_listener(stream, &stream_changed, nullptr, &key);
    }
}

/* The stack drops newlines before a message by itself: in the middle of a body they are part of it. */
void stream_lost_data(pjsip_tp_dropped_data *data)
{
    if (data->status == PJ_EIGNORED)
        skip(data->tp, data->len);
}

/* Answer 413 to a request of which these are the headers; nothing to what cannot be answered. */
void refuse(pjsip_transport *stream, const char *headers, pj_size_t size)
{
    pjsip_endpoint *endpoint = pjsua_get_pjsip_endpt();
    pj_pool_t *pool = pjsip_endpt_create_pool(endpoint, "stream-guard", 4000, 4000);
    if (!pool)
        return;
    std::unique_ptr<pj_pool_t, void (*)(pj_pool_t *)> pool_end(pool, &pj_pool_release);
    auto *text = static_cast<char *>(pj_pool_alloc(pool, size + 1));
    pj_memcpy(text, headers, size);
    text[size] = '\0';      // the stack's scanner wants it

    auto *rdata = PJ_POOL_ZALLOC_T(pool, pjsip_rx_data);
    rdata->tp_info.pool = pool;
    rdata->tp_info.transport = stream;
    pj_sockaddr_cp(&rdata->pkt_info.src_addr, &stream->key.rem_addr);
    rdata->pkt_info.src_addr_len = stream->addr_len;
    pj_sockaddr_print(&stream->key.rem_addr, rdata->pkt_info.src_name, sizeof(rdata->pkt_info.src_name), 0);
    rdata->pkt_info.src_port = pj_sockaddr_get_port(&stream->key.rem_addr);
    pj_list_init(&rdata->msg_info.parse_err);

    const pjsip_msg *message = pjsip_parse_rdata(text, size, rdata);
    const auto &info = rdata->msg_info;
    if (!message || message->type != PJSIP_REQUEST_MSG || message->line.req.method.id == PJSIP_ACK_METHOD)
        return;
    if (!info.via || !info.from || !info.to || !info.cid || info.cid->id.slen == 0 || !info.cseq)
        return;
    pj_strdup2(pool, &info.via->recvd_param, rdata->pkt_info.src_name);
    if (info.via->rport_param == 0)
        info.via->rport_param = rdata->pkt_info.src_port;
    pjsip_endpt_respond_stateless(endpoint, rdata, PJSIP_SC_REQUEST_ENTITY_TOO_LARGE, nullptr, nullptr, nullptr);
}

/* Headers that fill the whole buffer belong to no message that could ever be read. */
void close(pjsip_transport *stream)
{
    PJ_LOG(1, (THIS_FILE, "headers from %.*s:%d do not end within %d bytes: connection closed",
               (int)stream->remote_name.host.slen, stream->remote_name.host.ptr, stream->remote_name.port,
               PJSIP_MAX_PKT_LEN));
    pjsip_transport_shutdown2(stream, PJ_TRUE);
}

/* The stack's hook: gets all that is unread of a stream, and leaves in len how much of its end the stack shall read. */
pj_status_t stream_has_data(pjsip_tp_rx_data *data)
{
    if (pj_size_t taken = skip(data->tp, data->len)) {
        data->len -= taken;
        return PJ_SUCCESS;
    }
    const auto *bytes = static_cast<const char *>(data->data);
    const pj_size_t available = data->len;
    pj_size_t size = 0;
    if (pjsip_find_msg(bytes, available, PJ_FALSE, &size) != PJSIP_EPARTIALMSG)
        return PJ_SUCCESS;
    static const char empty_line[] = {'\n', '\r', '\n'};   // what pjsip_find_msg() takes for the headers' end
    const char *end = std::search(bytes, bytes + available, empty_line, empty_line + sizeof(empty_line));
    if (end == bytes + available) {
        if (available >= PJSIP_MAX_PKT_LEN) {
            close(data->tp);
            data->len = 0;
        }
    } else if (size > PJSIP_MAX_PKT_LEN) {
        PJ_LOG(1, (THIS_FILE, "a message of %lu bytes from %.*s:%d is too large: refused", (unsigned long)size,
                   (int)data->tp->remote_name.host.slen, data->tp->remote_name.host.ptr, data->tp->remote_name.port));
        refuse(data->tp, bytes, pj_size_t(end - bytes) + sizeof(empty_line));
        begin_to_skip(data->tp, size - available);
        data->len = 0;
    }
    return PJ_SUCCESS;
}

} // namespace

namespace pj
{

void guardStreams() PJSUA2_THROW(Error)
{
    pjsip_endpoint *endpoint = pjsua_get_pjsip_endpt();
    if (!endpoint)
        PJSUA2_RAISE_ERROR3(PJ_EINVALIDOP, "guardStreams()", "no endpoint: call it after libInit()");
    pjsip_tpmgr *streams = pjsip_endpt_get_tpmgr(endpoint);
    skipped.clear();    // those of an endpoint before this one
    PJSUA2_CHECK_EXPR( pjsip_tpmgr_set_drop_data_cb(streams, &stream_lost_data) );
    PJSUA2_CHECK_EXPR( pjsip_tpmgr_set_recv_data_cb(streams, &stream_has_data) );
}

} // namespace pj
