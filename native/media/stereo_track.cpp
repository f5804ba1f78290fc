#include "stereo_track.hpp"

#include <algorithm>

namespace pj
{

static const unsigned kReservedMs = 500;

StereoTrack::StereoTrack(unsigned clockRate, unsigned samplesPerTick_)
    : samplesPerTick(samplesPerTick_), reserved(size_t(clockRate) * kReservedMs / 1000 * 2),
      limit(size_t(clockRate) * kHeldMs / 1000 * 2), tick(samplesPerTick_ * 2)
{
    held.samples.reserve(reserved);
}

void StereoTrack::put(unsigned side, const int16_t *samples, uint64_t at)
{
    std::lock_guard<std::mutex> guard(mutex);
    if (finished)
        return;
    if (present[side] || (present[1 - side] && at != timestamp))
        commit();
    timestamp = at;
    present[side] = true;
    if (samples) {
        for (unsigned i = 0; i < samplesPerTick; ++i)
            tick[2 * i + side] = samples[i];
    }
    if (present[1 - side])
        commit();
}

void StereoTrack::commit()
{
    if (held.samples.size() + tick.size() > limit) {
        lost += samplesPerTick;
    } else {
        if (held.samples.empty())
            held.start = committed * samplesPerTick;
        held.samples.insert(held.samples.end(), tick.begin(), tick.end());
    }
    std::fill(tick.begin(), tick.end(), 0);
    present[0] = present[1] = false;
    ++committed;
}

bool StereoTrack::take(StereoBlock &block)
{
    block.samples.clear();
    if (block.samples.capacity() > 2 * reserved)    // grown while the disk was stuck
        block.samples = std::vector<int16_t>();
    block.samples.reserve(reserved);

    std::lock_guard<std::mutex> guard(mutex);
    if (held.samples.empty())
        return false;
    std::swap(held, block);
    return true;
}

void StereoTrack::finish()
{
    std::lock_guard<std::mutex> guard(mutex);
    if (!finished && (present[0] || present[1]))
        commit();
    finished = true;
}

uint64_t StereoTrack::ticks() const
{
    std::lock_guard<std::mutex> guard(mutex);
    return committed;
}

uint64_t StereoTrack::length() const
{
    std::lock_guard<std::mutex> guard(mutex);
    return committed * samplesPerTick;
}

uint64_t StereoTrack::dropped() const
{
    std::lock_guard<std::mutex> guard(mutex);
    return lost;
}

} // namespace pj
