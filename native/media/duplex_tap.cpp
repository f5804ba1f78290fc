#include "duplex_tap.hpp"

#include "tap_writer.hpp"

#include <cerrno>
#include <cstring>
#include <unistd.h>

#define THIS_FILE "duplex_tap.cpp"

namespace pj
{

static const unsigned kCloseMs = 2000;

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

DuplexTap::DuplexTap() : closed(false) {}

DuplexTap::~DuplexTap()
{
    close();
}

void DuplexTap::open(const string &path, unsigned clockRate, unsigned ptimeMs) PJSUA2_THROW(Error)
{
    std::lock_guard<std::mutex> guard(mutex);
    if (recording) {
        PJSUA2_RAISE_ERROR3(PJ_EEXISTS, path, "this tap has been opened before: make another");
    }
    sides[0].checkFormat(path, clockRate, ptimeMs);

    std::shared_ptr<Recording> made = std::make_shared<Recording>(clockRate, clockRate / 1000 * ptimeMs);
    int error = made->file.create(path, clockRate);
    if (error) {
        PJSUA2_RAISE_ERROR3(PJ_STATUS_FROM_OS(error), path, string("cannot make the recording: ") + strerror(error));
    }
    try {
        sides[0].attach("tap-left", clockRate, ptimeMs, std::make_shared<TapSide>(made, 0));
        sides[1].attach("tap-right", clockRate, ptimeMs, std::make_shared<TapSide>(made, 1));
    } catch (Error &) {
        sides[0].detach();
        ::unlink(path.c_str());
        throw;
    }
    TapWriter::instance().add(made);
    recording = made;
}

AudioMedia &DuplexTap::left()
{
    return sides[0];
}

AudioMedia &DuplexTap::right()
{
    return sides[1];
}

unsigned long DuplexTap::frames() const
{
    return recording ? recording->track.ticks() : 0;
}

unsigned long DuplexTap::written() const
{
    return recording ? recording->written.load() : 0;
}

unsigned long DuplexTap::dropped() const
{
    return recording ? recording->track.dropped() + recording->discarded : 0;
}

int DuplexTap::lastErrno() const
{
    return recording ? recording->lastErrno.load() : 0;
}

void DuplexTap::close()
{
    std::lock_guard<std::mutex> guard(mutex);
    if (!recording || closed)
        return;
    closed = true;
    sides[0].detach();
    sides[1].detach();
    recording->track.finish();
    if (!TapWriter::instance().finish(recording, kCloseMs))
        recording->lastErrno = ETIMEDOUT;
}

} // namespace pj
