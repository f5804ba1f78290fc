/* Audio onto the bridge from a writer that comes by every now and then: a live microphone. */
#ifndef MINSHENG_FEED_PORT_HPP
#define MINSHENG_FEED_PORT_HPP

#include "bridge_port.hpp"
#ifndef SWIG
#include "counted.hpp"
#endif

namespace pj
{

#ifndef SWIG
class FeedRing;
#endif

/**
 * A bridge port that gives what was written to it, 16-bit little-endian mono samples, one frame a tick. The writer's
 * clock is another than the bridge's: what comes too late is silence, and then aheadMs are gathered again; what comes
 * too fast is cut, the oldest first, down to aheadMs. Writing never waits. All but createPort() and close() may be
 * called from any thread.
 */
class FeedPort : public BridgePort
{
public:
    FeedPort();
    virtual ~FeedPort();

    /**
     * Join the bridge; silent until aheadMs are written.
     *
     * @param clockRate in Hz, whole kHz from 8000 to 48000; the bridge resamples.
     * @param ptimeMs   the bridge's frame time in ms.
     * @param aheadMs   how much is held before it is given, at least ptimeMs; the ring holds five times as much. At most
     *                  1000.
     */
    void createPort(const string &name, unsigned clockRate, unsigned ptimeMs, unsigned aheadMs) PJSUA2_THROW(Error);

    /** Add samples; before createPort() they go nowhere. Half a sample at the end is left out. */
    void write(const char *pcm, size_t size);

    /** Bytes lost, always the oldest, because the ring was full. */
    unsigned long txDropped() const;

    /** Leave the bridge. Safe to call twice. */
    void close();

#ifndef SWIG
private:
    std::shared_ptr<FeedRing> ring;
    Counted<FeedPort> counted;
#endif
};

} // namespace pj

#endif
