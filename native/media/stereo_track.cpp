#include "stereo_track.hpp"

#include <algorithm>

namespace pj
{

static const unsigned kReservedMs = 500;

std::atomic<uint64_t> StereoTrack::shared{0}, StereoTrack::heldByAll{0};

StereoTrack::StereoTrack(unsigned clockRate, unsigned samplesPerTick_)
    : samplesPerTick(samplesPerTick_), reserved(size_t(clockRate) * kReservedMs / 1000 * 2),
      limit(size_t(clockRate) * kHeldMs / 1000 * 2), tick(samplesPerTick_ * 2)
{
    spare.reserve(reserved);
    held.reserve(kHeldMs / kReservedMs);
}

StereoTrack::~StereoTrack()
{
    heldByAll -= heldValues * sizeof(int16_t);
}

void StereoTrack::share(uint64_t bytes)
{
    shared = bytes;
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
    const size_t bytes = tick.size() * sizeof(int16_t);
    if (heldValues + tick.size() > limit && heldByAll + bytes > shared) {
        lost += samplesPerTick;
    } else {
        StereoBlock &block = room();
        block.samples.insert(block.samples.end(), tick.begin(), tick.end());
        heldValues += tick.size();
        heldByAll += bytes;
    }
    std::fill(tick.begin(), tick.end(), 0);
    present[0] = present[1] = false;
    ++committed;
}

/* Where the current tick goes: on with the last block, unless that is full, or ended before something was lost. */
StereoBlock &StereoTrack::room()
{
    const uint64_t start = committed * samplesPerTick;
    if (held.empty() || held.back().samples.size() + tick.size() > reserved
        || held.back().start + held.back().frames() != start) {
        held.emplace_back();
        held.back().start = start;
        held.back().samples.swap(spare);
        held.back().samples.reserve(reserved);
    }
    return held.back();
}

bool StereoTrack::take(StereoBlock &block)
{
    block.samples.clear();

    std::lock_guard<std::mutex> guard(mutex);
    if (held.empty())
        return false;
    std::swap(held.front(), block);
    if (spare.capacity() == 0)
        spare.swap(held.front().samples);
    held.erase(held.begin());
    heldValues -= block.samples.size();
    heldByAll -= block.samples.size() * sizeof(int16_t);
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
