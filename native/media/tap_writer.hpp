/* The threads that write every tap's audio to disk. */
#ifndef MINSHENG_TAP_WRITER_HPP
#define MINSHENG_TAP_WRITER_HPP

#include "counted.hpp"
#include "stereo_track.hpp"
#include "wav_file.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pj
{

/** A recording in progress: the clock thread fills its track, the writer empties it into its file. */
class Recording
{
public:
    Recording(const std::string &path_, unsigned clockRate_, unsigned samplesPerTick)
        : track(clockRate_, samplesPerTick), path(path_), clockRate(clockRate_) {}

    static const unsigned kFolderSeconds = 600;         ///< how long after its end its folder is waited for

    StereoTrack track;
    WavFile file;                           ///< the writer's alone once the recording is added to it
    std::atomic<uint64_t> written{0};       ///< sample frames in the file
    std::atomic<uint64_t> discarded{0};     ///< sample frames given up when the recording was closed
    std::atomic<int> lastErrno{0};
    std::atomic<bool> finished{false};      ///< the file is complete and closed

    /** Make the file, if that is still to be done, and write what the track holds. After an error the rest waits. */
    void flush();

    /**
     * The last turn: write what can be, give up the rest but keep its time, close the file; finished from then on,
     * except when the file could not be made because its folder is not there yet: that is worth another turn.
     */
    void finalise();

private:
    bool make();
    bool awaitsFolder();
    bool note(int error);

    const std::string path;
    const unsigned clockRate;
    bool made = false;                      // the file
    int refused = 0;                        // errno of the last try to make it
    std::chrono::steady_clock::time_point over;         // when it was told to end

    StereoBlock block;                      // what is being written; kept over turns while the disk refuses it
    Counted<Recording> counted;
};

/**
 * Writes all recordings every kPeriodMs, one after the other, and finishes those that are over before anything else.
 *
 * One thread does it all as long as the disk takes what it is given. When a file holds that thread up for kStuckMs,
 * another takes over the rest, up to kThreads in all: only that file waits.
 */
class TapWriter
{
public:
    static const unsigned kPeriodMs = 100;
    static const unsigned kStuckMs = 200;
    static const unsigned kThreads = 4;

    /** The process's writer, started by its first use. It is never destroyed: it may outlive main(). */
    static TapWriter &instance();

    void add(std::shared_ptr<Recording> recording);

    /** Finalise a recording that has been added; returns at once, Recording::finished tells when it is done. */
    void finish(const std::shared_ptr<Recording> &recording);

private:
    typedef std::chrono::steady_clock Clock;

    struct Due
    {
        Clock::time_point at;
        std::shared_ptr<Recording> recording;
    };

    TapWriter();
    void run(unsigned thread);
    void giveBack(std::shared_ptr<Recording> recording);
    void wait(std::shared_ptr<Recording> recording);
    Clock::time_point nextDue() const;
    Clock::duration patience() const;

    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Due> open;                   // the one that has waited longest first
    std::deque<Due> closing;
    std::vector<std::shared_ptr<Recording>> ending;     // told to finish while a thread had them in hand
    Clock::time_point began[kThreads];      // when each thread took what it has in hand; max() if nothing
    std::vector<std::thread> threads;
};

} // namespace pj

#endif
