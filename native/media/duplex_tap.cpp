#include "duplex_tap.hpp"

#include "call_watch.hpp"
#include "tap_writer.hpp"

#include <mutex>

#define THIS_FILE "duplex_tap.cpp"

namespace pj
{

namespace
{

class TapSide : public FrameSink
{
public:
    TapSide(std::shared_ptr<Recording> recording_, unsigned side_) : recording(recording_), side(side_) {}

    void putFrame(const pj_int16_t *samples, unsigned, pj_uint64_t timestamp) override
    {
        recording->track.put(side, samples, timestamp);
    }

private:
    std::shared_ptr<Recording> recording;
    unsigned side;
};

} // namespace

/* What a tap and its call's end share: whoever of them closes first, closes. */
class TapTrack : public CallCompanion
{
public:
    void open(const string &path, unsigned clockRate, unsigned ptimeMs) PJSUA2_THROW(Error)
    {
        std::lock_guard<std::mutex> guard(mutex);
        if (recording) {
            PJSUA2_RAISE_ERROR3(PJ_EEXISTS, path, "this tap has been opened before: make another");
        }
        sides[0].checkFormat(path, clockRate, ptimeMs);

        std::shared_ptr<Recording> made = std::make_shared<Recording>(path, clockRate, clockRate / 1000 * ptimeMs);
        try {
            sides[0].attach("tap-left", clockRate, ptimeMs, std::make_shared<TapSide>(made, 0));
            sides[1].attach("tap-right", clockRate, ptimeMs, std::make_shared<TapSide>(made, 1));
        } catch (Error &) {
            sides[0].detach();
            throw;
        }
        TapWriter::instance().add(made);
        recording = made;
    }

    void close()
    {
        std::lock_guard<std::mutex> guard(mutex);
        if (!recording || closed)
            return;
        closed = true;
        sides[0].detach();
        sides[1].detach();
        recording->track.finish();
        TapWriter::instance().finish(recording);
    }

    void callOver() override { close(); }

    BridgePort sides[2];
    std::shared_ptr<Recording> recording;

private:
    std::mutex mutex;           // open() against close()
    bool closed = false;
};

DuplexTap::DuplexTap() : track(std::make_shared<TapTrack>()) {}

DuplexTap::~DuplexTap()
{
    close();
}

void DuplexTap::open(const string &path, unsigned clockRate, unsigned ptimeMs) PJSUA2_THROW(Error)
{
    track->open(path, clockRate, ptimeMs);
}

void DuplexTap::share(unsigned long bytes)
{
    StereoTrack::share(bytes);
}

void DuplexTap::closeWith(const Call &call)
{
    endWith(call, track);
}

AudioMedia &DuplexTap::left()
{
    return track->sides[0];
}

AudioMedia &DuplexTap::right()
{
    return track->sides[1];
}

unsigned long DuplexTap::frames() const
{
    return track->recording ? track->recording->track.ticks() : 0;
}

unsigned long DuplexTap::written() const
{
    return track->recording ? track->recording->written.load() : 0;
}

unsigned long DuplexTap::dropped() const
{
    return track->recording ? track->recording->track.dropped() + track->recording->discarded : 0;
}

int DuplexTap::lastErrno() const
{
    return track->recording ? track->recording->lastErrno.load() : 0;
}

void DuplexTap::close()
{
    track->close();
}

bool DuplexTap::finished() const
{
    return !track->recording || track->recording->finished;
}

} // namespace pj
