#include "live_objects.hpp"

#include "counted.hpp"
#include "duplex_tap.hpp"
#include "feed_port.hpp"
#include "pcm_port.hpp"
#include "prompt_port.hpp"
#include "tap_writer.hpp"

#include <pjsua-lib/pjsua.h>
#include <pjsua2/call.hpp>

namespace pj
{

LiveObjects liveObjects()
{
    LiveObjects alive;
    alive.calls = Call::getLiveCount();
    alive.stackCalls = pjsua_get_state() == PJSUA_STATE_NULL ? 0 : int(pjsua_call_get_count());
    alive.pcmPorts = Counted<PcmPort>::count();
    alive.promptPorts = Counted<PromptPort>::count();
    alive.feedPorts = Counted<FeedPort>::count();
    alive.taps = Counted<DuplexTap>::count();
    alive.recordings = Counted<Recording>::count();
    alive.strays = Call::getStrayCount();
    return alive;
}

} // namespace pj
