/* What a call is told, from memory: the audio clock's side of PromptPort. */
#ifndef MINSHENG_PROMPT_TRACK_HPP
#define MINSHENG_PROMPT_TRACK_HPP

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace pj
{

/** 16-bit mono samples that nobody changes any more: any number of tracks play them at once. */
typedef std::vector<int16_t> Samples;

/**
 * Plays one sound at a time. Whatever begins, breaks off or goes on does so over kRampMs, so that nothing clicks; a
 * sound that comes to its end falls to silence in its own last kRampMs; a loop's seam is left as it is.
 *
 * Orders go to the clock thread, and sounds that are done with come back from it, through atomic pointers: it never
 * waits or allocates, and frees nothing while the track lives. Sounds are let go of by the program's threads, in
 * whatever they call next.
 */
class PromptTrack
{
public:
    static const unsigned kRampMs = 5;

    PromptTrack() {}
    ~PromptTrack();

    /** Before the clock thread knows of the track. */
    void prepare(unsigned clockRate, unsigned samplesPerTick);

    /** @name For the program, on any thread. */
    /**@{*/
    /**
     * Play from the sample `first` on, instead of what is playing or has been ordered; no sound: stop.
     *
     * @return          the order's number; they count up from 1.
     */
    unsigned long order(std::shared_ptr<const Samples> sound, bool loop, size_t first = 0);

    /** Whatever plays, or is ordered later, stands still until this is false again. */
    void pause(bool wanted) { paused = wanted; }

    /** The next sample to be heard of what plays; where it stood when it ended or was stopped. */
    uint64_t position() const { return place; }

    /** The number of the last order that was played to its end, 0 if none was: not one that was stopped or replaced. */
    unsigned long finished();

    /** The timestamp of the tick in which that one had its last sample; ask for finished() first. */
    uint64_t finishedAt() const { return finishTime; }
    /**@}*/

    /** @name For the audio clock thread. */
    /**@{*/
    /** The frame of this tick, which has room for more than kRampMs; false when it is silent. */
    bool give(int16_t *out, unsigned count);

    /** The tick at timestamp is over; its frame has passed unheard if nobody has asked for it. */
    void pass(uint64_t timestamp);
    /**@}*/

private:
    PromptTrack(const PromptTrack &) = delete;
    PromptTrack &operator=(const PromptTrack &) = delete;

    struct Order
    {
        std::shared_ptr<const Samples> sound;
        bool loop;
        size_t first;
        unsigned long number;
        Order *next;                            // among those done with
    };

    static void release(Order *orders);
    void retire(Order *order);
    unsigned fall(int16_t *out, unsigned count);
    unsigned run(int16_t *out, unsigned at, unsigned count);
    unsigned stretch(int16_t *out, unsigned room);

    std::mutex ordering;                        // among the program's threads; the clock thread never takes it
    unsigned long ordered = 0;

    std::atomic<Order *> wanted{nullptr};       // not taken by the clock thread yet
    std::atomic<Order *> done{nullptr};         // not freed by the program yet
    std::atomic<bool> paused{false};
    std::atomic<uint64_t> place{0};
    std::atomic<unsigned long> finishNumber{0};
    std::atomic<uint64_t> finishTime{0};

    /* The clock thread's own. */
    Order *current = nullptr;
    unsigned ramp = 0;                          // samples from silence to full level
    unsigned level = 0;                         // 0 to ramp
    unsigned long ended = 0;                    // in this tick
    bool given = false;                         // in this tick
    bool stood = false;                         // paused at the end of the last tick
    std::vector<int16_t> unheard;
};

} // namespace pj

#endif
