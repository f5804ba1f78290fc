#include "referral.hpp"

#include "call_watch.hpp"

#include <pjsip_ua.h>
#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>

#define THIS_FILE "referral.cpp"

namespace pj
{

struct ReferralState
{
    std::string key;
    std::atomic<unsigned> answer{0}, told{0};
    std::atomic<bool> over{false};
    pj_int32_t cseq = -1;       // of the last NOTIFY; under the lock
};

} // namespace pj

namespace
{

typedef std::shared_ptr<pj::ReferralState> State;

std::mutex lock;
std::map<std::string, State> waiting;   // for NOTIFY, by their dialogs
std::map<size_t, State> unanswered;     // REFER that are under way, by their numbers
size_t sent = 0;

pj_str_t name_of(const char *text) { return pj_str(const_cast<char *>(text)); }

std::string text_of(const pj_str_t &text) { return std::string(text.ptr ? text.ptr : "", size_t(text.slen)); }

std::string key_of(const pj_str_t &call_id, const pj_str_t &ours, const pj_str_t &theirs)
{
    return text_of(call_id) + '\n' + text_of(ours) + '\n' + text_of(theirs);
}

/* The status in a body of message/sipfrag, 0 without one: "SIP/2.0 200 OK". */
unsigned read_status(const pjsip_msg_body *body)
{
    const std::string start("SIP/2.0 ");
    if (!body || pj_stricmp2(&body->content_type.type, "message") || pj_stricmp2(&body->content_type.subtype, "sipfrag"))
        return 0;
    const std::string text(static_cast<const char *>(body->data), body->len);
    if (text.compare(0, start.size(), start) != 0)
        return 0;
    const int status = std::atoi(text.substr(start.size(), 3).c_str());
    return status >= 100 && status < 700 ? unsigned(status) : 0;
}

bool is_of_refer(const pjsip_msg *message)
{
    const pj_str_t event = name_of("Event"), compact = name_of("o");
    const auto *header = static_cast<const pjsip_generic_string_hdr *>(
        pjsip_msg_find_hdr_by_names(message, &event, &compact, nullptr));
    const std::string value = header ? text_of(header->hvalue) : "";
    return value.compare(0, 5, "refer") == 0 && (value.size() == 5 || value[5] == ';' || value[5] == ' ');
}

bool is_last(const pjsip_msg *message)
{
    const pj_str_t name = name_of("Subscription-State");
    const auto *header = static_cast<const pjsip_generic_string_hdr *>(pjsip_msg_find_hdr_by_name(message, &name, nullptr));
    return header && text_of(header->hvalue).compare(0, 10, "terminated") == 0;
}

/* A dialog that still stands counts the request, and whether it is its next one; one that is over cannot. */
bool is_next(pjsip_rx_data *rdata)
{
    const auto &info = rdata->msg_info;
    pjsip_dialog *dialog = pjsip_ua_find_dialog(&info.cid->id, &info.to->tag, &info.from->tag, PJ_TRUE);
    if (!dialog)
        return true;
    const bool next = info.cseq->cseq > dialog->remote.cseq;
    if (next)
        dialog->remote.cseq = info.cseq->cseq;
    pjsip_dlg_dec_lock(dialog);
    return next;
}

pj_bool_t on_request(pjsip_rx_data *rdata)
{
    const auto &info = rdata->msg_info;
    const pjsip_msg *message = info.msg;
    if (pj_strcmp2(&message->line.req.method.name, "NOTIFY") != 0 || !info.to->tag.slen || !is_of_refer(message))
        return PJ_FALSE;
    State state;
    {
        std::lock_guard<std::mutex> held(lock);
        auto found = waiting.find(key_of(info.cid->id, info.to->tag, info.from->tag));
        if (found == waiting.end())
            return PJ_FALSE;
        state = found->second;
    }
    if (!is_next(rdata))
        return PJ_FALSE;
    const unsigned status = read_status(message->body);
    {
        std::lock_guard<std::mutex> held(lock);     // over UDP one may overtake another
        if (pj_int32_t(info.cseq->cseq) > state->cseq && state->told < 200) {
            state->cseq = pj_int32_t(info.cseq->cseq);
            if (status)
                state->told = status;
        }
    }
    if (is_last(message))
        state->over = true;
    pjsip_endpt_respond(pjsua_get_pjsip_endpt(), nullptr, rdata, PJSIP_SC_OK, nullptr, nullptr, nullptr, nullptr);
    return PJ_TRUE;
}

void on_answer(void *token, pjsip_event *event)
{
    const int status = event->body.tsx_state.tsx->status_code;
    std::lock_guard<std::mutex> held(lock);
    auto found = unanswered.find(reinterpret_cast<size_t>(token));
    if (found == unanswered.end())
        return;
    found->second->answer = unsigned(status);
    unanswered.erase(found);
}

/* The next request of a dialog, which is locked. */
pj_status_t create(pjsip_dialog *dialog, const std::string &to, const pj::SipHeaderVector &headers, pjsip_tx_data **request)
{
    pj_status_t status = pjsip_dlg_create_request(dialog, pjsip_get_refer_method(), int(dialog->local.cseq), request);
    if (status != PJ_SUCCESS)
        return status;
    ++dialog->local.cseq;
    pjsip_tx_data *made = *request;
    made->mod_data[dialog->ua->id] = nullptr;   // its answer is none of the dialog's
    if (dialog->via_addr.host.slen > 0) {
        made->via_addr = dialog->via_addr;
        made->via_tp = dialog->via_tp;
    }
    pjsip_tx_data_set_transport(made, &dialog->tp_sel);
    const auto add = [made](const std::string &name, const std::string &value) {
        pj_str_t key = name_of(name.c_str()), content = name_of(value.c_str());
        pjsip_msg_add_hdr(made->msg, reinterpret_cast<pjsip_hdr *>(pjsip_generic_string_hdr_create(made->pool, &key, &content)));
    };
    add("Refer-To", "<" + to + ">");
    char identity[PJSIP_MAX_URL_SIZE];
    const int length = pjsip_uri_print(PJSIP_URI_IN_FROMTO_HDR, pjsip_uri_get_uri(dialog->local.info->uri), identity,
                                       sizeof(identity));
    if (length > 0)
        add("Referred-By", "<" + std::string(identity, size_t(length)) + ">");     // RFC 3892
    for (const pj::SipHeader &header : headers)
        add(header.hName, header.hValue);
    return PJ_SUCCESS;
}

/* Behind the transactions, which know what comes again, and before the request guard. */
pjsip_module taker = {
    nullptr, nullptr,
    {const_cast<char *>("mod-referral"), 12},
    -1,
    PJSIP_MOD_PRIORITY_UA_PROXY_LAYER - 3,
    nullptr, nullptr, nullptr, nullptr,
    &on_request,
    nullptr, nullptr, nullptr, nullptr,
};

} // namespace

namespace pj
{

void takeReferrals() PJSUA2_THROW(Error)
{
    pjsip_endpoint *endpoint = pjsua_get_pjsip_endpt();
    if (!endpoint)
        PJSUA2_RAISE_ERROR3(PJ_EINVALIDOP, "takeReferrals()", "no endpoint: call it after libInit()");
    {
        std::lock_guard<std::mutex> held(lock);     // what an endpoint before this one never answered
        unanswered.clear();
    }
    taker.id = -1;      // likewise that endpoint's
    PJSUA2_CHECK_EXPR( pjsip_endpt_register_module(endpoint, &taker) );
}

Referral::Referral() : state(std::make_shared<ReferralState>()) {}

Referral::~Referral()
{
    std::lock_guard<std::mutex> held(lock);
    auto found = waiting.find(state->key);
    if (found != waiting.end() && found->second == state)
        waiting.erase(found);
}

void Referral::send(const Call &call, const std::string &to, const SipHeaderVector &headers) PJSUA2_THROW(Error)
{
    if (!state->key.empty())
        PJSUA2_RAISE_ERROR3(PJ_EINVALIDOP, "Referral::send()", "it has been sent");
    pjsua_call *found = nullptr;
    pjsip_dialog *dialog = nullptr;
    if (!holdsSlot(call) || acquire_call("Referral::send()", call.getId(), &found, &dialog) != PJ_SUCCESS)
        PJSUA2_RAISE_ERROR3(PJ_EINVALIDOP, "Referral::send()", "the call is over");
    pjsip_tx_data *request = nullptr;
    pj_status_t status = PJ_EINVALIDOP;
    if (found->inv && found->inv->state == PJSIP_INV_STATE_CONFIRMED) {
        state->key = key_of(dialog->call_id->id, dialog->local.info->tag, dialog->remote.info->tag);
        status = create(dialog, to, headers, &request);
    }
    pjsip_dlg_dec_lock(dialog);
    PJSUA2_CHECK_EXPR( status );
    size_t number;
    {
        std::lock_guard<std::mutex> held(lock);     // NOTIFY may come before the answer
        waiting[state->key] = state;
        number = ++sent;
        unanswered[number] = state;
    }
    status = pjsip_endpt_send_request(pjsua_get_pjsip_endpt(), request, -1, reinterpret_cast<void *>(number), &on_answer);
    if (status != PJ_SUCCESS) {
        std::lock_guard<std::mutex> held(lock);
        unanswered.erase(number);
    }
    PJSUA2_CHECK_EXPR( status );
}

unsigned Referral::answer() const { return state->answer; }

unsigned Referral::told() const { return state->told; }

bool Referral::over() const { return state->over; }

} // namespace pj
