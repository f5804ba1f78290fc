#include "prompt_track.hpp"

#include <algorithm>

namespace pj
{

static int16_t scale(int16_t sample, size_t level, unsigned ramp)
{
    return int16_t(int(sample) * int(level) / int(ramp));
}

PromptTrack::~PromptTrack()
{
    release(wanted.exchange(nullptr));
    release(done.exchange(nullptr));
    release(current);
}

void PromptTrack::prepare(unsigned clockRate, unsigned samplesPerTick)
{
    ramp = std::min(clockRate * kRampMs / 1000, samplesPerTick);
    unheard.resize(samplesPerTick);
    stood = paused;
}

void PromptTrack::release(Order *orders)
{
    while (orders) {
        Order *next = orders->next;
        delete orders;
        orders = next;
    }
}

unsigned long PromptTrack::order(std::shared_ptr<const Samples> sound, bool loop, size_t first)
{
    std::lock_guard<std::mutex> guard(ordering);
    release(done.exchange(nullptr));
    size_t begin = sound ? first % sound->size() : 0;
    Order *order = new Order{std::move(sound), loop, begin, ++ordered, nullptr};
    release(wanted.exchange(order));        // one that came and went between two ticks
    return ordered;
}

unsigned long PromptTrack::finished()
{
    release(done.exchange(nullptr));
    return finishNumber;
}

void PromptTrack::retire(Order *order)
{
    if (!order)
        return;
    order->next = done;
    while (!done.compare_exchange_weak(order->next, order))
        ;       // the program has just emptied it
}

bool PromptTrack::give(int16_t *out, unsigned count)
{
    Order *order = wanted.exchange(nullptr);
    bool still = paused || stood;
    unsigned at = 0;

    given = true;
    if (order || still)
        at = fall(out, count);
    if (order) {
        retire(current);
        current = order;
        if (order->sound) {
            place = order->first;
        } else {
            retire(order);
            current = nullptr;
        }
    }
    if (!still)
        at = run(out, at, count);
    std::fill(out + at, out + count, 0);
    return at > 0;
}

void PromptTrack::pass(uint64_t timestamp)
{
    if (!given)
        give(unheard.data(), unsigned(unheard.size()));
    given = false;
    stood = paused;     // what was connected before resume() is so by the next tick
    if (ended) {
        finishTime = timestamp;     // before the number, by which it is asked for
        finishNumber = ended;
        ended = 0;
    }
}

/* From the current level to silence, without moving on: what is paused goes on with the sample at which it began to
 * fall, so that nothing of it is lost. */
unsigned PromptTrack::fall(int16_t *out, unsigned count)
{
    unsigned at = 0;

    if (current) {
        const Samples &sound = *current->sound;
        for (size_t from = place; level && at < count; ++from) {
            if (from == sound.size()) {
                if (!current->loop)
                    break;
                from = 0;
            }
            --level;
            size_t held = current->loop ? level : std::min<size_t>(level, sound.size() - 1 - from);
            out[at++] = scale(sound[from], held, ramp);
        }
    }
    level = 0;
    return at;
}

unsigned PromptTrack::run(int16_t *out, unsigned at, unsigned count)
{
    while (current && at < count) {
        at += stretch(out + at, count - at);
        if (place < current->sound->size())
            continue;
        if (current->loop) {
            place = 0;
        } else {
            ended = current->number;
            retire(current);
            current = nullptr;
            level = 0;
        }
    }
    return at;
}

/* At most room samples, not past the end: one of a ramp, or as many as there are without. */
unsigned PromptTrack::stretch(int16_t *out, unsigned room)
{
    const Samples &sound = *current->sound;
    size_t from = place, left = sound.size() - from;
    size_t full = current->loop ? left : left - std::min<size_t>(left, ramp);

    if (level == ramp && full) {
        unsigned count = unsigned(std::min<size_t>(room, full));
        std::copy_n(&sound[from], count, out);
        place = from + count;
        return count;
    }
    level = std::min(level + 1, ramp);
    out[0] = scale(sound[from], current->loop ? level : std::min<size_t>(level, left - 1), ramp);
    place = from + 1;
    return 1;
}

} // namespace pj
