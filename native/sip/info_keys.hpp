/* Keys that a phone sends by SIP INFO instead of, or beside, RFC 4733. */
#ifndef MINSHENG_INFO_KEYS_HPP
#define MINSHENG_INFO_KEYS_HPP

#include <pjsua2/types.hpp>

namespace pj
{

/**
 * Take the keys that come by INFO within a call, from libInit() to libDestroy().
 *
 * application/dtmf-relay ("Signal=5", "Signal = 11": # by its event code) and application/dtmf ("5") are answered with
 * 200 and told by Call::onDtmfEvent() with the method PJSUA_DTMF_METHOD_SIP_INFO; a hook flash is answered with 200
 * and is no key; a body that names no signal gets 400. The stack by itself takes only dtmf-relay, and of "Signal=11"
 * the 1. What else an INFO may hold is left to others.
 *
 * @throw Error     PJ_EINVALIDOP when there is no endpoint.
 */
void takeInfoKeys() PJSUA2_THROW(Error);

} // namespace pj

#endif
