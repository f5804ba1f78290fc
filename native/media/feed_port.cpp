#include "feed_port.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <vector>

#define THIS_FILE "feed_port.cpp"

namespace pj
{

namespace
{

const unsigned kRoom = 5;       // times aheadMs

} // namespace

class FeedRing : public FrameSink, public FrameSource
{
public:
    explicit FeedRing(size_t ahead_) : ring(ahead_ * kRoom), ahead(ahead_) {}

    void write(const char *pcm, size_t count)
    {
        std::lock_guard<std::mutex> guard(mutex);
        if (held + count > ring.size()) {
            size_t over = held + count - ahead, fresh = over - std::min(over, held);
            drop(over - fresh);
            dropped += fresh;
            pcm += fresh * sizeof(pj_int16_t);
            count -= fresh;
        }
        size_t at = (first + held) % ring.size();
        size_t run = std::min(count, ring.size() - at);
        std::memcpy(&ring[at], pcm, run * sizeof(pj_int16_t));
        std::memcpy(&ring[0], pcm + run * sizeof(pj_int16_t), (count - run) * sizeof(pj_int16_t));
        held += count;
    }

    bool getFrame(pj_int16_t *samples, unsigned count) override
    {
        std::lock_guard<std::mutex> guard(mutex);
        if (held < count)
            flowing = false;
        else if (held >= ahead)
            flowing = true;
        if (!flowing)
            return false;
        size_t run = std::min<size_t>(count, ring.size() - first);
        std::copy_n(&ring[first], run, samples);
        std::copy_n(&ring[0], count - run, samples + run);
        first = (first + count) % ring.size();
        held -= count;
        return true;
    }

    void putFrame(const pj_int16_t *, unsigned, pj_uint64_t) override {}

    mutable std::mutex mutex;
    unsigned long dropped = 0;

private:
    void drop(size_t count)
    {
        first = (first + count) % ring.size();
        held -= count;
        dropped += count;
    }

    std::vector<pj_int16_t> ring;
    const size_t ahead;
    size_t first = 0;
    size_t held = 0;
    bool flowing = false;
};

FeedPort::FeedPort() {}

FeedPort::~FeedPort()
{
    close();
}

void FeedPort::createPort(const string &name, unsigned clockRate, unsigned ptimeMs, unsigned aheadMs)
     PJSUA2_THROW(Error)
{
    checkFormat(name, clockRate, ptimeMs);
    if (aheadMs < ptimeMs || aheadMs > 1000) {
        PJSUA2_RAISE_ERROR3(PJ_EINVAL, name, "aheadMs is " + std::to_string(aheadMs) + ": use " +
                            std::to_string(ptimeMs) + " (one frame) to 1000");
    }
    std::shared_ptr<FeedRing> made = std::make_shared<FeedRing>(size_t(clockRate) * aheadMs / 1000);
    attach(name, clockRate, ptimeMs, made, made);
    ring = made;
}

void FeedPort::write(const char *pcm, size_t size)
{
    if (ring)
        ring->write(pcm, size / sizeof(pj_int16_t));
}

unsigned long FeedPort::txDropped() const
{
    if (!ring)
        return 0;
    std::lock_guard<std::mutex> guard(ring->mutex);
    return ring->dropped * sizeof(pj_int16_t);
}

void FeedPort::close()
{
    detach();
}

} // namespace pj
