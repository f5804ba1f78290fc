#include "prompt_port.hpp"

#include <cstring>

#define THIS_FILE "prompt_port.cpp"

namespace pj
{

namespace
{

/* The track as the bridge knows it. */
class TrackEnds : public FrameSink, public FrameSource
{
public:
    explicit TrackEnds(std::shared_ptr<PromptTrack> track_) : track(track_) {}

    bool getFrame(pj_int16_t *samples, unsigned count) override { return track->give(samples, count); }

    void putFrame(const pj_int16_t *, unsigned, pj_uint64_t timestamp) override { track->pass(timestamp); }

private:
    std::shared_ptr<PromptTrack> track;
};

} // namespace

PromptSound::PromptSound(const char *pcm, size_t size) PJSUA2_THROW(Error)
{
    if (!size || size % sizeof(int16_t)) {
        PJSUA2_RAISE_ERROR3(PJ_EINVAL, "PromptSound", "pcm is " + std::to_string(size) +
                            " bytes: give whole 16-bit samples, at least one");
    }
    std::shared_ptr<Samples> made = std::make_shared<Samples>(size / sizeof(int16_t));
    std::memcpy(made->data(), pcm, size);
    sound = made;
}

unsigned long PromptSound::samples() const
{
    return sound->size();
}

long PromptSound::users() const
{
    return sound.use_count();
}

PromptPort::PromptPort() : track(std::make_shared<PromptTrack>()) {}

PromptPort::~PromptPort()
{
    close();
}

void PromptPort::createPort(const string &name, unsigned clockRate, unsigned ptimeMs) PJSUA2_THROW(Error)
{
    checkFormat(name, clockRate, ptimeMs);
    track->prepare(clockRate, clockRate / 1000 * ptimeMs);
    std::shared_ptr<TrackEnds> ends = std::make_shared<TrackEnds>(track);
    attach(name, clockRate, ptimeMs, ends, ends);
}

unsigned long PromptPort::play(const PromptSound &sound, bool loop, unsigned long first)
{
    return track->order(sound.held(), loop, first);
}

void PromptPort::stop()
{
    track->order(nullptr, false);
}

void PromptPort::pause()
{
    track->pause(true);
}

void PromptPort::resume()
{
    track->pause(false);
}

unsigned long PromptPort::position() const
{
    return track->position();
}

unsigned long PromptPort::finished()
{
    return track->finished();
}

unsigned long long PromptPort::finishedAt() const
{
    return track->finishedAt();
}

void PromptPort::close()
{
    detach();
}

} // namespace pj
