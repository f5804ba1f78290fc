/* Two mono ports become one stereo track, in memory. */
#ifndef MINSHENG_STEREO_TRACK_HPP
#define MINSHENG_STEREO_TRACK_HPP

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace pj
{

/** Interleaved stereo audio and its place in the track, counted in sample frames (one sample of each side). */
struct StereoBlock
{
    uint64_t start = 0;
    std::vector<int16_t> samples;

    uint64_t frames() const { return samples.size() / 2; }
};

/**
 * Pairs what two ports hear in the same tick and holds it until the writer takes it: kHeldMs, and more as long as all
 * tracks together hold no more than they may share. What comes while it is full is lost but keeps its place: the next
 * block starts where it belongs in time.
 */
class StereoTrack
{
public:
    static const unsigned kHeldMs = 10000;

    StereoTrack(unsigned clockRate, unsigned samplesPerTick);
    ~StereoTrack();

    /** Let all tracks together hold this many bytes, those that have their kHeldMs included; 0 before. */
    static void share(uint64_t bytes);

    /**
     * One side's frame of the tick at timestamp; NULL is silence. A side that does not come in a tick is silent
     * in it. Called on the audio clock thread.
     */
    void put(unsigned side, const int16_t *samples, uint64_t timestamp);

    /** Move the oldest of what is held into block, whose old memory is reused; false when there is nothing. */
    bool take(StereoBlock &block);

    /** Complete the tick that is half there and accept nothing more. */
    void finish();

    uint64_t ticks() const;
    uint64_t length() const;        ///< in sample frames, lost ones included
    uint64_t dropped() const;       ///< sample frames lost because it was full

private:
    void commit();
    StereoBlock &room();

    static std::atomic<uint64_t> shared, heldByAll;     // bytes

    const unsigned samplesPerTick;
    const size_t reserved;          // sample values: memory that no allocation on the clock thread exceeds normally
    const size_t limit;
    mutable std::mutex mutex;
    std::vector<int16_t> tick;      // the current tick, interleaved
    bool present[2] = {false, false};
    uint64_t timestamp = 0;
    std::vector<StereoBlock> held;  // the oldest first, none larger than reserved: nothing that waits is ever copied
    size_t heldValues = 0;
    std::vector<int16_t> spare;     // what the next block is made of
    uint64_t committed = 0;         // ticks
    uint64_t lost = 0;              // sample frames
    bool finished = false;
};

} // namespace pj

#endif
