#include "bridge_port.hpp"

#include <pjsua-lib/pjsua.h>

#define THIS_FILE "bridge_port.cpp"

namespace pj
{

namespace
{

/* Lives in the port's own pool, which on_destroy releases; the shared pointers need their destructors run. */
struct PortData
{
    pj_pool_t *pool;
    std::shared_ptr<FrameSink> sink;
    std::shared_ptr<FrameSource> source;
    std::shared_ptr<std::atomic<bool>> released;
};

pj_status_t port_put_frame(pjmedia_port *port, pjmedia_frame *frame)
{
    PortData *data = static_cast<PortData *>(port->port_data.pdata);
    bool audible = frame->type == PJMEDIA_FRAME_TYPE_AUDIO && frame->buf && frame->size;

    data->sink->putFrame(audible ? static_cast<const pj_int16_t *>(frame->buf) : NULL,
                         PJMEDIA_PIA_SPF(&port->info), frame->timestamp.u64);
    return PJ_SUCCESS;
}

pj_status_t port_get_frame(pjmedia_port *port, pjmedia_frame *frame)
{
    PortData *data = static_cast<PortData *>(port->port_data.pdata);
    unsigned count = PJMEDIA_PIA_SPF(&port->info);
    bool audible = data->source && data->source->getFrame(static_cast<pj_int16_t *>(frame->buf), count);

    frame->type = audible ? PJMEDIA_FRAME_TYPE_AUDIO : PJMEDIA_FRAME_TYPE_NONE;
    frame->size = audible ? count * sizeof(pj_int16_t) : 0;
    return PJ_SUCCESS;
}

pj_status_t port_on_destroy(pjmedia_port *port)
{
    PortData *data = static_cast<PortData *>(port->port_data.pdata);
    pj_pool_t *pool = data->pool;

    data->released->store(true);
    delete data;
    pj_pool_release(pool);
    return PJ_SUCCESS;
}

/* pjlib's locks need the calling thread to be known; Python may call, or collect garbage, from any thread. */
void register_thread()
{
    static thread_local pj_thread_desc desc;
    pj_thread_t *thread;

    if (!pj_thread_is_registered())
        pj_thread_register("python", desc, &thread);
}

} // namespace

BridgePort::~BridgePort()
{
    detach();
}

void BridgePort::checkFormat(const string &name, unsigned clockRate, unsigned ptimeMs) const PJSUA2_THROW(Error)
{
    if (id != PJSUA_INVALID_ID) {
        PJSUA2_RAISE_ERROR3(PJ_EEXISTS, name, "this port is on the bridge already: make another");
    }
    if (pjsua_get_state() == PJSUA_STATE_NULL) {
        PJSUA2_RAISE_ERROR3(PJ_EINVALIDOP, name, "there is no library: call libCreate() and libInit() first");
    }
    register_thread();
    pjsua_conf_port_info bridge;
    if (pjsua_conf_get_port_info(0, &bridge) != PJ_SUCCESS) {
        PJSUA2_RAISE_ERROR3(PJ_EINVALIDOP, name, "there is no conference bridge: call libInit() first");
    }
    if (clockRate < 8000 || clockRate > 48000 || clockRate % 1000) {
        PJSUA2_RAISE_ERROR3(PJ_EINVAL, name, "clockRate is " + std::to_string(clockRate) +
                            " Hz: use whole kHz from 8000 to 48000");
    }
    unsigned bridgeMs = bridge.samples_per_frame * 1000 / bridge.channel_count / bridge.clock_rate;
    if (ptimeMs != bridgeMs) {
        PJSUA2_RAISE_ERROR3(PJ_EINVAL, name, "ptimeMs is " + std::to_string(ptimeMs) + ", but the bridge ticks every " +
                            std::to_string(bridgeMs) + " ms (medConfig.audioFramePtime): use that");
    }
}

void BridgePort::attach(const string &name, unsigned clockRate, unsigned ptimeMs, std::shared_ptr<FrameSink> sink,
                        std::shared_ptr<FrameSource> source) PJSUA2_THROW(Error)
{
    register_thread();
    pj_pool_t *pool = pjsua_pool_create("bridgeport%p", 1024, 1024);
    if (!pool) {
        PJSUA2_RAISE_ERROR(PJ_ENOMEM);
    }
    pjmedia_port *port = PJ_POOL_ZALLOC_T(pool, pjmedia_port);
    pj_str_t portName;
    pj_strdup2_with_null(pool, &portName, name.c_str());
    pjmedia_port_info_init(&port->info, &portName, PJMEDIA_SIG_CLASS_APP('M', 'S', 'P'), clockRate, 1, 16,
                           clockRate / 1000 * ptimeMs);
    std::shared_ptr<std::atomic<bool>> flag = std::make_shared<std::atomic<bool>>(false);
    port->port_data.pdata = new PortData{pool, sink, source, flag};
    port->put_frame = &port_put_frame;
    port->get_frame = &port_get_frame;
    port->on_destroy = &port_on_destroy;

    pj_status_t status = pjmedia_port_init_grp_lock(port, pool, NULL);
    if (status != PJ_SUCCESS) {
        port_on_destroy(port);
        PJSUA2_RAISE_ERROR(status);
    }
    status = pjsua_conf_add_port(pool, port, &id);
    /* From here the bridge's reference is the only one: when it goes, so does the port. */
    pjmedia_port_destroy(port);
    if (status != PJ_SUCCESS) {
        id = PJSUA_INVALID_ID;
        PJSUA2_RAISE_ERROR2(status, name);
    }
    released = flag;
}

void BridgePort::detach()
{
    if (id != PJSUA_INVALID_ID && !released->load()) {
        register_thread();
        pjsua_conf_remove_port(id);
    }
    id = PJSUA_INVALID_ID;
}

} // namespace pj
