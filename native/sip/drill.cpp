#include "drill.hpp"

#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

#include <unistd.h>

#include <future>
#include <thread>

#define THIS_FILE "drill.cpp"

namespace
{

void hold_for_ever(std::promise<void> held)
{
    static pj_thread_desc description;
    pj_thread_t *thread;
    pj_bzero(description, sizeof(description));
    pj_thread_register("drill", description, &thread);
    PJSUA_LOCK();
    held.set_value();
    for (;;)
        pause();
}

} // namespace

namespace pj
{

void drillDeadlock() PJSUA2_THROW(Error)
{
    if (!pjsua_get_pjsip_endpt())
        PJSUA2_RAISE_ERROR3(PJ_EINVALIDOP, "drillDeadlock()", "no endpoint: call it after libInit()");
    std::promise<void> held;
    std::future<void> done = held.get_future();
    std::thread(hold_for_ever, std::move(held)).detach();
    done.wait();
}

} // namespace pj
