/* What a call is told: sounds from memory onto the bridge. */
#ifndef MINSHENG_PROMPT_PORT_HPP
#define MINSHENG_PROMPT_PORT_HPP

#include "bridge_port.hpp"

#ifndef SWIG
#include "counted.hpp"
#include "prompt_track.hpp"
#endif

namespace pj
{

/** A sound in memory, in one copy for all ports that play it; the last to let go of it frees it. */
class PromptSound
{
public:
    /**
     * Copies the samples.
     *
     * @param pcm       16-bit little-endian mono, at the clock rate of the ports that are to play it.
     * @throw Error     PJ_EINVAL when there is no sample, or half a one.
     */
    PromptSound(const char *pcm, size_t size) PJSUA2_THROW(Error);

    /** How many there are. */
    unsigned long samples() const;

    /** Who holds it: this object, and each port from play() until it is done with it. */
    long users() const;

#ifndef SWIG
    std::shared_ptr<const Samples> held() const { return sound; }

private:
    std::shared_ptr<const Samples> sound;
#endif
};

/**
 * A bridge port that plays one sound at a time, once or over and over. It serves a call for its whole life: what
 * is ordered before createPort() begins with the first tick after it.
 *
 * Everything takes effect within one tick and without a click: sounds begin, break off and go on over 5 ms, and fall
 * to silence in their last 5 ms (a loop's seam is left as it is). While nobody listens the sound goes on unheard.
 *
 * The audio clock thread reads samples from memory and nothing else: it never waits for a file, a lock or Python.
 * It tells the end of a sound by a counter, finished(). A sound that has ended is let go of by the next call of
 * play(), stop() or finished(), and by the port's own end. Any thread may call any function but createPort().
 */
class PromptPort : public BridgePort
{
public:
    PromptPort();
    virtual ~PromptPort();

    /**
     * Join the bridge.
     *
     * @param clockRate in Hz, whole kHz from 8000 to 48000; the bridge resamples.
     * @param ptimeMs   the bridge's frame time in ms.
     * @throw Error     as in PcmPort.
     */
    void createPort(const string &name, unsigned clockRate, unsigned ptimeMs) PJSUA2_THROW(Error);

    /**
     * Play instead of any other sound.
     *
     * @param loop      whether its end is followed by its beginning, until it is stopped.
     * @param first     the sample to begin with, counted round the sound's end.
     * @return          the number of this play; they count up.
     */
    unsigned long play(const PromptSound &sound, bool loop = false, unsigned long first = 0);

    /** Break off; nothing is finished() by it. */
    void stop();

    /** Whatever plays, or is told to play meanwhile or before createPort(), stands still until resume(). */
    void pause();

    /**
     * Go on with the sample at which it was paused, in the next whole tick: who has been connected by then hears it
     * all.
     */
    void resume();

    /** The sample that is heard next, counted from the sound's first; where it stood at its end, or when stopped. */
    unsigned long position() const;

    /** The number of the last play that came to its end, 0 before that: never one that was stopped or replaced. */
    unsigned long finished();

    /** The bridge's timestamp of the tick in which that one had its last sample: see PcmPort::rxFramesAt(). */
    unsigned long long finishedAt() const;

    /** Leave the bridge. Safe to call twice, and after libDestroy(). */
    void close();

#ifndef SWIG
private:
    std::shared_ptr<PromptTrack> track;
    Counted<PromptPort> counted;
#endif
};

} // namespace pj

#endif
