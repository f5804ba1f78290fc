/* What lives in the native half of a process, so that a program can show that it leaves nothing behind. */
#ifndef MINSHENG_LIVE_OBJECTS_HPP
#define MINSHENG_LIVE_OBJECTS_HPP

namespace pj
{

/** Numbers of one moment; calls that are all over leave none. */
struct LiveObjects
{
    int calls;          ///< instances of Call
    int stackCalls;     ///< calls in the stack, those included whose last messages are still under way
    int pcmPorts;       ///< instances of PcmPort
    int promptPorts;    ///< instances of PromptPort
    int feedPorts;      ///< instances of FeedPort
    int taps;           ///< instances of DuplexTap
    int recordings;     ///< files that a tap has begun and the writer has not finished
    int strays;         ///< Calls destroyed on a thread the stack does not know, since the process began: a fault
};

/** Any thread, at any time. */
LiveObjects liveObjects();

} // namespace pj

#endif
