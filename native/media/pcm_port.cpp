#include "pcm_port.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <vector>

#define THIS_FILE "pcm_port.cpp"

namespace pj
{

class PcmRing : public FrameSink
{
public:
    explicit PcmRing(size_t samples) : ring(samples) {}

    void putFrame(const pj_int16_t *samples, unsigned count, pj_uint64_t timestamp) override
    {
        std::lock_guard<std::mutex> guard(mutex);
        ++frames;
        perFrame = count;
        last = timestamp;
        size_t room = ring.size() - held;
        if (count > room) {
            size_t lost = count - room;
            first = (first + lost) % ring.size();
            held -= lost;
            dropped += lost;
        }
        size_t at = (first + held) % ring.size();
        size_t run = std::min<size_t>(count, ring.size() - at);
        if (samples) {
            std::copy_n(samples, run, &ring[at]);
            std::copy_n(samples + run, count - run, &ring[0]);
        } else {
            std::fill_n(&ring[at], run, 0);
            std::fill_n(&ring[0], count - run, 0);
        }
        held += count;
    }

    size_t read(char *data, size_t samples)
    {
        std::lock_guard<std::mutex> guard(mutex);
        samples = std::min(samples, held);
        size_t run = std::min(samples, ring.size() - first);
        std::memcpy(data, &ring[first], run * sizeof(pj_int16_t));
        std::memcpy(data + run * sizeof(pj_int16_t), &ring[0], (samples - run) * sizeof(pj_int16_t));
        first = (first + samples) % ring.size();
        held -= samples;
        return samples;
    }

    mutable std::mutex mutex;
    std::vector<pj_int16_t> ring;
    size_t first = 0;
    size_t held = 0;
    unsigned long frames = 0;
    unsigned perFrame = 1;
    pj_uint64_t last = 0;       // the timestamp of the newest frame
    unsigned long dropped = 0;
};

PcmPort::PcmPort() {}

PcmPort::~PcmPort()
{
    close();
}

void PcmPort::createPort(const string &name, unsigned clockRate, unsigned ptimeMs, unsigned ringMs)
     PJSUA2_THROW(Error)
{
    checkFormat(name, clockRate, ptimeMs);
    if (ringMs < ptimeMs || ringMs > 60000) {
        PJSUA2_RAISE_ERROR3(PJ_EINVAL, name, "ringMs is " + std::to_string(ringMs) + ": use " +
                            std::to_string(ptimeMs) + " (one frame) to 60000");
    }
    std::shared_ptr<PcmRing> made = std::make_shared<PcmRing>(size_t(clockRate) * ringMs / 1000);
    attach(name, clockRate, ptimeMs, made);
    ring = made;
}

unsigned long PcmPort::read(char *data, unsigned long size)
{
    return ring ? ring->read(data, size / sizeof(pj_int16_t)) * sizeof(pj_int16_t) : 0;
}

unsigned long PcmPort::rxAvailable() const
{
    if (!ring)
        return 0;
    std::lock_guard<std::mutex> guard(ring->mutex);
    return ring->held * sizeof(pj_int16_t);
}

unsigned long PcmPort::rxFrames() const
{
    if (!ring)
        return 0;
    std::lock_guard<std::mutex> guard(ring->mutex);
    return ring->frames;
}

long long PcmPort::rxFramesAt(unsigned long long timestamp) const
{
    if (!ring)
        return 0;
    std::lock_guard<std::mutex> guard(ring->mutex);
    return (long long)ring->frames - (long long)(ring->last - timestamp) / (long long)ring->perFrame;
}

unsigned long PcmPort::rxDropped() const
{
    if (!ring)
        return 0;
    std::lock_guard<std::mutex> guard(ring->mutex);
    return ring->dropped * sizeof(pj_int16_t);
}

void PcmPort::close()
{
    detach();
}

} // namespace pj
