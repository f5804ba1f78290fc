/* The one thread that writes every tap's audio to disk. */
#ifndef MINSHENG_TAP_WRITER_HPP
#define MINSHENG_TAP_WRITER_HPP

#include "stereo_track.hpp"
#include "wav_file.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace pj
{

/** A recording in progress: the clock thread fills its track, the writer empties it into its file. */
class Recording
{
public:
    Recording(unsigned clockRate, unsigned samplesPerTick) : track(clockRate, samplesPerTick) {}

    StereoTrack track;
    WavFile file;                           ///< the writer's alone once the recording is added to it
    std::atomic<uint64_t> written{0};       ///< sample frames in the file
    std::atomic<uint64_t> discarded{0};     ///< sample frames given up when the recording was closed
    std::atomic<int> lastErrno{0};

    /** Write what the track holds. After an error the rest waits for the next turn. */
    void flush();

    /** The last turn: write what can be, give up the rest but keep its time, close the file. */
    void finalise();

private:
    bool note(int error);

    StereoBlock block;                      // what is being written; kept over turns while the disk refuses it
};

/** Writes all recordings every kPeriodMs, one after the other. */
class TapWriter
{
public:
    static const unsigned kPeriodMs = 100;

    /** The process's writer, started by its first use. It is never destroyed: it may outlive main(). */
    static TapWriter &instance();

    void add(std::shared_ptr<Recording> recording);

    /**
     * Finalise a recording that has been added, and wait until that is done, at most timeoutMs; then false: the
     * writer goes on with it alone.
     */
    bool finish(const std::shared_ptr<Recording> &recording, unsigned timeoutMs);

private:
    TapWriter();
    void run();

    std::mutex mutex;
    std::condition_variable wake;           // for the writer
    std::condition_variable done;           // for those who wait in finish()
    std::vector<std::shared_ptr<Recording>> open;
    std::vector<std::shared_ptr<Recording>> closing;
    std::thread thread;
};

} // namespace pj

#endif
