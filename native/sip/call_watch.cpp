#include "call_watch.hpp"

#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

#include <mutex>
#include <unordered_map>
#include <vector>

#define THIS_FILE "call_watch.cpp"

namespace
{

typedef std::vector<std::weak_ptr<pj::CallCompanion>> Companions;

std::mutex lock;
std::unordered_map<int, Companions> watched;    // by the call's number
pjsua_callback before;                          // what the library called until we came

bool is_over(int call)
{
    pjsua_call_info info;
    return pjsua_call_get_info(call, &info) != PJ_SUCCESS || info.state == PJSIP_INV_STATE_DISCONNECTED;
}

/* Companions are told without the lock: they have locks of their own. */
void end_companions(int call)
{
    Companions ending;
    {
        std::lock_guard<std::mutex> held(lock);
        auto found = watched.find(call);
        if (found == watched.end())
            return;
        ending.swap(found->second);
        watched.erase(found);   // the number may be another call's next
    }
    for (std::weak_ptr<pj::CallCompanion> &each : ending) {
        if (std::shared_ptr<pj::CallCompanion> companion = each.lock())
            companion->callOver();
    }
}

void call_changed(pjsua_call_id call, pjsip_event *event)
{
    if (is_over(call))
        end_companions(call);
    before.on_call_state(call, event);
}

/* At the caller's BYE the streams go first, when the call is over already. */
void stream_ended(pjsua_call_id call, pjmedia_stream *stream, unsigned index)
{
    if (is_over(call))
        end_companions(call);
    before.on_stream_destroyed(call, stream, index);
}

} // namespace

namespace pj
{

void watchCalls() PJSUA2_THROW(Error)
{
    if (!pjsua_get_pjsip_endpt())
        PJSUA2_RAISE_ERROR3(PJ_EINVALIDOP, "watchCalls()", "no endpoint: call it after libInit()");
    watched.clear();    // those of an endpoint before this one
    pjsua_callback &told = pjsua_var.ua_cfg.cb;
    if (told.on_call_state == &call_changed)
        return;
    before = told;
    told.on_call_state = &call_changed;
    told.on_stream_destroyed = &stream_ended;
    told.on_call_tsx_state = NULL;
    told.on_call_media_event = NULL;
    told.on_media_event = NULL;
}

void endWith(const Call &call, std::shared_ptr<CallCompanion> companion)
{
    const int number = call.getId();
    {
        std::lock_guard<std::mutex> held(lock);
        watched[number].push_back(companion);
    }
    /* Asked after, not before: a call that ends in between has either told the companion or is seen to be over. */
    if (!holdsSlot(call) || is_over(number))
        companion->callOver();
}

bool holdsSlot(const Call &call)
{
    const int number = call.getId();
    return number != PJSUA_INVALID_ID && pjsua_call_get_user_data(number) == &call;
}

} // namespace pj
