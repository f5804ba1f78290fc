/* Audio out of the bridge for a reader that comes by every now and then. */
#ifndef MINSHENG_PCM_PORT_HPP
#define MINSHENG_PCM_PORT_HPP

#include "bridge_port.hpp"
#ifndef SWIG
#include "counted.hpp"
#endif

namespace pj
{

#ifndef SWIG
class PcmRing;
#endif

/**
 * A bridge port that keeps what it hears in a ring of 16-bit little-endian mono samples until it is read.
 * A tick without audio is kept as silence. Reading never waits for audio. All but createPort() and close() may
 * be called from any thread.
 */
class PcmPort : public BridgePort
{
public:
    PcmPort();
    virtual ~PcmPort();

    /**
     * Join the bridge; the media clock starts with the bridge's next tick.
     *
     * @param clockRate in Hz, whole kHz from 8000 to 48000; the bridge resamples.
     * @param ptimeMs   the bridge's frame time in ms.
     * @param ringMs    how much audio the ring holds, at least ptimeMs, at most 60000.
     */
    void createPort(const string &name, unsigned clockRate, unsigned ptimeMs, unsigned ringMs) PJSUA2_THROW(Error);

    /** Bytes that wait to be read. */
    unsigned long rxAvailable() const;

    /** Ticks since createPort(), with audio or without: times ptimeMs, the age of the port in media time. */
    unsigned long rxFrames() const;

    /** What rxFrames() was, or will be, once the tick of that bridge timestamp is over. */
    long long rxFramesAt(unsigned long long timestamp) const;

    /** Bytes lost, always the oldest, because the ring was full. */
    unsigned long rxDropped() const;

    /** Leave the bridge. What is in the ring can still be read. Safe to call twice. */
    void close();

#ifndef SWIG
    /** Take up to size bytes, whole samples only; returns how many. */
    unsigned long read(char *data, unsigned long size);

private:
    std::shared_ptr<PcmRing> ring;
    Counted<PcmPort> counted;
#endif
};

} // namespace pj

#endif
