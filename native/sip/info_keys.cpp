#include "info_keys.hpp"

#include <pjsua-lib/pjsua_internal.h>

#include <cctype>
#include <string>

#define THIS_FILE "info_keys.cpp"

namespace
{

const int HOOK_FLASH = 16;
const char KEYS[] = "0123456789*#ABCD";     // by their event codes (RFC 4733, 3.2)

std::string trim(const std::string &text)
{
    const std::string blank(" \t\r\n\f\v\"\0", 8);     // some phones send a C string with its end
    size_t begin = text.find_first_not_of(blank);
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

std::string lower(std::string text)
{
    for (char &sign : text)
        sign = char(std::tolower((unsigned char)sign));
    return text;
}

/* The event code that a value names by the key itself or by its code, or -1. */
int read_code(const std::string &value)
{
    if (value.size() == 1) {
        int sign = std::toupper((unsigned char)value[0]);
        const char *found = sign ? pj_ansi_strchr(KEYS, sign) : nullptr;
        return found ? int(found - KEYS) : sign == '!' ? HOOK_FLASH : -1;
    }
    if (value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '6')
        return 10 + value[1] - '0';
    return lower(value) == "flash" || lower(value) == "hf" ? HOOK_FLASH : -1;
}

/* The event code in a body: that of its Signal line, or of a first line that is nothing but a key; else -1. */
int read_body(const std::string &body)
{
    size_t begin = 0;
    while (begin < body.size()) {
        size_t end = body.find_first_of("\r\n", begin);
        if (end == std::string::npos)
            end = body.size();
        const std::string line = trim(body.substr(begin, end - begin));
        begin = end + 1;
        if (line.empty())
            continue;
        size_t equals = line.find_first_of("=:");
        if (equals == std::string::npos)
            return read_code(line);
        const std::string name = lower(trim(line.substr(0, equals)));
        if (name == "signal" || name == "d")
            return read_code(trim(line.substr(equals + 1)));
    }
    return -1;
}

/* Tell the call of this dialog, as the stack tells it of other keys. */
void tell(pjsip_dialog *dialog, int code)
{
    pjsip_inv_session *session = pjsip_dlg_get_inv_session(dialog);
    auto *call = session ? static_cast<pjsua_call *>(session->mod_data[pjsua_var.mod.id]) : nullptr;
    if (!call || !pjsua_var.ua_cfg.cb.on_dtmf_event)
        return;
    pj_timestamp zero = {}, now;
    pj_get_timestamp(&now);
    pjsua_dtmf_event event = {};
    event.method = PJSUA_DTMF_METHOD_SIP_INFO;
    event.timestamp = pj_elapsed_msec(&zero, &now);
    event.digit = KEYS[code];
    event.flags = PJMEDIA_STREAM_DTMF_IS_END;
    pjsua_var.ua_cfg.cb.on_dtmf_event(call->index, &event);
}

bool is_keys(const pjsip_media_type &type)
{
    return pj_stricmp2(&type.type, "application") == 0 &&
           (pj_stricmp2(&type.subtype, "dtmf-relay") == 0 || pj_stricmp2(&type.subtype, "dtmf") == 0);
}

/* The dialog of a request that is its next one, locked; else nothing: the stack refuses it. */
pjsip_dialog *find_dialog(pjsip_rx_data *rdata)
{
    const auto &info = rdata->msg_info;
    pjsip_dialog *dialog = pjsip_ua_find_dialog(&info.cid->id, &info.to->tag, &info.from->tag, PJ_TRUE);
    if (dialog && info.cseq->cseq <= dialog->remote.cseq) {
        pjsip_dlg_dec_lock(dialog);
        return nullptr;
    }
    if (dialog)
        dialog->remote.cseq = info.cseq->cseq;
    return dialog;
}

pj_bool_t on_request(pjsip_rx_data *rdata)
{
    const pjsip_msg *message = rdata->msg_info.msg;
    const pjsip_msg_body *body = message->body;
    if (pj_strcmp2(&message->line.req.method.name, "INFO") != 0 || !body || !is_keys(body->content_type))
        return PJ_FALSE;
    pjsip_dialog *dialog = find_dialog(rdata);
    if (!dialog)
        return PJ_FALSE;
    const int code = read_body(std::string(static_cast<const char *>(body->data), body->len));
    if (code >= 0 && code < HOOK_FLASH)
        tell(dialog, code);
    pjsip_dlg_dec_lock(dialog);
    pjsip_endpt_respond(pjsua_get_pjsip_endpt(), nullptr, rdata, code < 0 ? PJSIP_SC_BAD_REQUEST : PJSIP_SC_OK,
                        nullptr, nullptr, nullptr, nullptr);
    return PJ_TRUE;
}

/* Behind the transactions, which know what comes again, and before the dialogs. */
pjsip_module taker = {
    nullptr, nullptr,
    {const_cast<char *>("mod-info-keys"), 13},
    -1,
    PJSIP_MOD_PRIORITY_UA_PROXY_LAYER - 2,
    nullptr, nullptr, nullptr, nullptr,
    &on_request,
    nullptr, nullptr, nullptr, nullptr,
};

} // namespace

namespace pj
{

void takeInfoKeys() PJSUA2_THROW(Error)
{
    pjsip_endpoint *endpoint = pjsua_get_pjsip_endpt();
    if (!endpoint)
        PJSUA2_RAISE_ERROR3(PJ_EINVALIDOP, "takeInfoKeys()", "no endpoint: call it after libInit()");
    taker.id = -1;      // that of an endpoint before this one
    PJSUA2_CHECK_EXPR( pjsip_endpt_register_module(endpoint, &taker) );
}

} // namespace pj
