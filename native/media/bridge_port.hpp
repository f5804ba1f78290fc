/* A mono port on pjsua's conference bridge that is told every tick of the audio clock. */
#ifndef MINSHENG_BRIDGE_PORT_HPP
#define MINSHENG_BRIDGE_PORT_HPP

#include <pjsua2/media.hpp>

#ifndef SWIG
#include <atomic>
#include <memory>
#endif

namespace pj
{

#ifndef SWIG
/** Takes a port's audio. Called on the audio clock thread: must not block, wait for a disk or enter Python. */
class FrameSink
{
public:
    virtual ~FrameSink() {}

    /**
     * One tick.
     *
     * @param samples   count 16-bit mono samples, or NULL for silence (nobody transmits to the port).
     * @param timestamp of the bridge's clock: ports of the same clock rate get the same value in the same tick.
     */
    virtual void putFrame(const pj_int16_t *samples, unsigned count, pj_uint64_t timestamp) = 0;
};

/** Gives a port's audio. Called on the audio clock thread, under the same law as FrameSink. */
class FrameSource
{
public:
    virtual ~FrameSource() {}

    /**
     * The frame of this tick, before the sink's of the same tick. The bridge asks only while somebody listens.
     *
     * @param samples   room for count 16-bit mono samples.
     * @return          false when there is nothing to be heard in it.
     */
    virtual bool getFrame(pj_int16_t *samples, unsigned count) = 0;
};
#endif

/**
 * A sink, and perhaps a source, on the bridge. The bridge calls a port on every tick, also when nobody transmits to
 * it (then without audio); the port passes every tick on, so that a listener's time never stalls.
 *
 * The bridge alone owns the underlying port, and the port shares ownership of sink and source: this object may be
 * destroyed before or after any of them, and before or after Endpoint::libDestroy().
 */
class BridgePort : public AudioMedia
{
public:
    virtual ~BridgePort();

#ifndef SWIG
    BridgePort() {}

    /**
     * Refuse what cannot be attached, before anything is made for it.
     *
     * @param ptimeMs   must be the bridge's own frame time, so that one tick is one frame.
     * @throw Error     PJ_EEXISTS when attached already, PJ_EINVAL for a wrong rate or frame time,
     *                  PJ_EINVALIDOP when there is no bridge.
     */
    void checkFormat(const string &name, unsigned clockRate, unsigned ptimeMs) const PJSUA2_THROW(Error);

    /**
     * Join the bridge, with a format that checkFormat() has passed.
     *
     * @param source    what the port gives to its listeners; without one it is silent.
     * @throw Error     what the bridge answered (PJ_ETOOMANY: no free port).
     */
    void attach(const string &name, unsigned clockRate, unsigned ptimeMs, std::shared_ptr<FrameSink> sink,
                std::shared_ptr<FrameSource> source = nullptr) PJSUA2_THROW(Error);

    /** Leave the bridge. The tick that is running may still reach sink and source. Safe to call twice. */
    void detach();

private:
    BridgePort(const BridgePort &) = delete;
    BridgePort &operator=(const BridgePort &) = delete;

    /* Set by the bridge when it has let go of the port, which happens in libDestroy() at the latest. */
    std::shared_ptr<std::atomic<bool>> released;
#else
private:
    BridgePort();
#endif
};

} // namespace pj

#endif
