#include "request_guard.hpp"

#include "session_body.hpp"

#include <pjsip_ua.h>
#include <pjsua-lib/pjsua.h>

#include <algorithm>
#include <atomic>
#include <initializer_list>

#define THIS_FILE "request_guard.cpp"

namespace
{

const pj_str_t WARNING_AGENT = pj_str(const_cast<char *>("minsheng-hotline"));

std::atomic<unsigned> retry_after{0};

/* Headers of an answer, in the request's own memory. */
struct Headers
{
    explicit Headers(pj_pool_t *pool) : pool(pool) { pj_list_init(&list); }

    Headers &add(void *header)
    {
        pj_list_push_back(&list, header);
        return *this;
    }

    Headers &capability(int type)
    {
        const pjsip_hdr *known = pjsip_endpt_get_capability(pjsua_get_pjsip_endpt(), type, nullptr);
        return known ? add(pjsip_hdr_clone(pool, known)) : *this;
    }

    Headers &text(const char *name, const char *value)
    {
        pj_str_t key = pj_str(const_cast<char *>(name)), content = pj_str(const_cast<char *>(value));
        return add(pjsip_generic_string_hdr_create(pool, &key, &content));
    }

    pj_pool_t *pool;
    pjsip_hdr list;
};

bool is_one_of(const pjsip_method &method, std::initializer_list<const char *> names)
{
    return std::any_of(names.begin(), names.end(), [&](const char *name) { return pj_strcmp2(&method.name, name) == 0; });
}

/* Outside a dialog nothing is kept: the same request again gets the same answer. */
pj_bool_t refuse(pjsip_rx_data *rdata, int status, const Headers &headers)
{
    pjsip_endpt_respond_stateless(pjsua_get_pjsip_endpt(), rdata, status, nullptr, &headers.list, nullptr);
    return PJ_TRUE;
}

/* Within one a transaction answers what comes again. */
pj_bool_t answer(pjsip_rx_data *rdata, int status, const Headers &headers)
{
    pjsip_endpt_respond(pjsua_get_pjsip_endpt(), nullptr, rdata, status, nullptr, &headers.list, nullptr, nullptr);
    return PJ_TRUE;
}

/* Whether the request is the next one of a dialog, which now counts it. All others are the stack's to refuse. */
bool is_within_dialog(pjsip_rx_data *rdata)
{
    const auto &info = rdata->msg_info;
    pjsip_dialog *dialog = pjsip_ua_find_dialog(&info.cid->id, &info.to->tag, &info.from->tag, PJ_TRUE);
    if (!dialog)
        return false;
    const bool next = info.cseq->cseq > dialog->remote.cseq;
    if (next)
        dialog->remote.cseq = info.cseq->cseq;
    pjsip_dlg_dec_lock(dialog);
    return next;
}

Headers &capabilities(Headers &headers)
{
    return headers.capability(PJSIP_H_ALLOW).capability(PJSIP_H_ACCEPT).capability(PJSIP_H_SUPPORTED);
}

pj_bool_t answer_info(pjsip_rx_data *rdata)
{
    const pjsip_msg *message = rdata->msg_info.msg;
    const pjsip_msg_body *body = message->body;
    if (!is_within_dialog(rdata))
        return PJ_FALSE;
    Headers headers(rdata->tp_info.pool);
    const pj_str_t package = pj_str(const_cast<char *>("Info-Package"));
    if (pjsip_msg_find_hdr_by_name(message, &package, nullptr))
        return answer(rdata, 469, headers.text("Recv-Info", ""));
    if (!body || minsheng::is_optional(&message->hdr))
        return answer(rdata, PJSIP_SC_OK, headers);
    return answer(rdata, PJSIP_SC_UNSUPPORTED_MEDIA_TYPE, headers.capability(PJSIP_H_ACCEPT));
}

/* A request with a To tag. */
pj_bool_t on_request_within(pjsip_rx_data *rdata)
{
    const pjsip_method &method = rdata->msg_info.msg->line.req.method;
    Headers headers(rdata->tp_info.pool);
    if (is_one_of(method, {"INFO"}))
        return answer_info(rdata);
    if (is_one_of(method, {"REGISTER"}))    // the stack does not look for its dialog
        return refuse(rdata, PJSIP_SC_METHOD_NOT_ALLOWED, headers.capability(PJSIP_H_ALLOW));
    if (is_one_of(method, {"INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "PRACK", "REFER"}) || !is_within_dialog(rdata))
        return PJ_FALSE;
    if (is_one_of(method, {"OPTIONS"}))
        return answer(rdata, PJSIP_SC_OK, capabilities(headers));
    if (is_one_of(method, {"NOTIFY"}))
        return answer(rdata, PJSIP_SC_BAD_EVENT, headers);
    return answer(rdata, PJSIP_SC_METHOD_NOT_ALLOWED, headers.capability(PJSIP_H_ALLOW));
}

/* A request without a To tag. */
pj_bool_t on_request_outside(pjsip_rx_data *rdata)
{
    const pjsip_method &method = rdata->msg_info.msg->line.req.method;
    Headers headers(rdata->tp_info.pool);
    if (is_one_of(method, {"INVITE"}) && pjsua_call_get_count() >= pjsua_call_get_max_count())
        return refuse(rdata, PJSIP_SC_SERVICE_UNAVAILABLE,      // the stack's own word, 486, would tell of a busy person
                      headers.add(pjsip_retry_after_hdr_create(headers.pool, int(std::max(1u, retry_after.load())))));
    if (is_one_of(method, {"INVITE", "ACK", "CANCEL"}))
        return PJ_FALSE;
    if (is_one_of(method, {"BYE", "INFO", "UPDATE", "PRACK"}))
        return refuse(rdata, PJSIP_SC_CALL_TSX_DOES_NOT_EXIST, headers);
    if (!is_one_of(method, {"OPTIONS"}))
        return refuse(rdata, PJSIP_SC_METHOD_NOT_ALLOWED, headers.capability(PJSIP_H_ALLOW));
    if (const unsigned seconds = retry_after)
        return refuse(rdata, PJSIP_SC_SERVICE_UNAVAILABLE, headers.add(pjsip_retry_after_hdr_create(headers.pool, int(seconds))));
    return refuse(rdata, PJSIP_SC_OK, capabilities(headers));
}

/* Bring the session description into the form the stack reads: whether it has refused the request for it. */
bool refuse_session(pjsip_rx_data *rdata)
{
    const pjsip_method &method = rdata->msg_info.msg->line.req.method;
    if (!is_one_of(method, {"INVITE", "ACK", "UPDATE", "PRACK"}))
        return false;
    const bool readable = minsheng::unwrap_session(rdata);
    if (readable && minsheng::refuse_unreachable(rdata))
        return false;
    if (method.id == PJSIP_ACK_METHOD || (rdata->msg_info.to->tag.slen && !is_within_dialog(rdata)))
        return false;
    Headers headers(rdata->tp_info.pool);
    if (!readable)
        return answer(rdata, PJSIP_SC_BAD_REQUEST, headers);
    const pj_str_t why = pj_str(const_cast<char *>("Incompatible network address formats"));
    return answer(rdata, PJSIP_SC_NOT_ACCEPTABLE_HERE,
                  headers.add(pjsip_warning_hdr_create(headers.pool, 301, &WARNING_AGENT, &why)));
}

pj_bool_t on_request(pjsip_rx_data *rdata)
{
    minsheng::cut_body(rdata);
    if (refuse_session(rdata))
        return PJ_TRUE;
    return rdata->msg_info.to->tag.slen ? on_request_within(rdata) : on_request_outside(rdata);
}

/* Behind the transactions, which know what comes again, and before the dialogs. */
pjsip_module guard = {
    nullptr, nullptr,
    {const_cast<char *>("mod-request-guard"), 17},
    -1,
    PJSIP_MOD_PRIORITY_UA_PROXY_LAYER - 1,
    nullptr, nullptr, nullptr, nullptr,
    &on_request,
    nullptr, nullptr, nullptr, nullptr,
};

/* The stack's parts have named all they could serve; leave what is served. */
void name(pjsip_endpoint *endpoint, int type, std::initializer_list<const char *> served)
{
    auto *header = reinterpret_cast<pjsip_generic_array_hdr *>(
        const_cast<pjsip_hdr *>(pjsip_endpt_get_capability(endpoint, type, nullptr)));
    if (!header)
        return;
    header->count = 0;
    for (const char *value : served)
        header->values[header->count++] = pj_str(const_cast<char *>(value));
}

} // namespace

namespace pj
{

void guardRequests() PJSUA2_THROW(Error)
{
    pjsip_endpoint *endpoint = pjsua_get_pjsip_endpt();
    if (!endpoint)
        PJSUA2_RAISE_ERROR3(PJ_EINVALIDOP, "guardRequests()", "no endpoint: call it after libInit()");
    retry_after = 0;
    guard.id = -1;      // that of an endpoint before this one
    PJSUA2_CHECK_EXPR( pjsip_endpt_register_module(endpoint, &guard) );
    name(endpoint, PJSIP_H_ALLOW, {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK"});
    name(endpoint, PJSIP_H_ACCEPT, {"application/sdp", "multipart/mixed", "application/dtmf-relay", "application/dtmf"});
    name(endpoint, PJSIP_H_SUPPORTED, {"100rel", "timer"});
}

void refuseOptions(unsigned retryAfter)
{
    retry_after = retryAfter;
}

} // namespace pj
