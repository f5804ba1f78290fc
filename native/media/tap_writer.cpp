#include "tap_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <pthread.h>

namespace pj
{

bool Recording::note(int error)
{
    if (error)
        lastErrno = error;
    return !error;
}

bool Recording::make()
{
    if (!made) {
        refused = file.create(path, clockRate);
        made = note(refused);
    }
    return made;
}

void Recording::flush()
{
    if (!make())
        return;
    uint64_t before = file.length();
    while (!block.samples.empty() || track.take(block)) {
        if (!note(file.write(block)))
            break;
        block.samples.clear();
    }
    /* Audio first, then the header: it never promises more than there is. */
    if (file.length() != before)
        note(file.refreshHeader());
    written = file.length();
}

void Recording::finalise()
{
    flush();
    if (awaitsFolder())
        return;
    uint64_t lost = 0;
    if (!made || !block.samples.empty()) {
        lost = file.unwritten(block);
        while (track.take(block))
            lost += block.frames();
    }
    discarded = lost;
    if (made) {
        if (file.length() != track.length() || lost) {
            note(file.extend(track.length()));
            note(file.refreshHeader());
        }
        note(file.close());
        written = file.length();
    }
    finished = true;
}

/* Whoever makes the folder may be held up by the very disk that the recording waits for. */
bool Recording::awaitsFolder()
{
    const auto now = std::chrono::steady_clock::now();
    if (over == std::chrono::steady_clock::time_point())
        over = now;
    return !made && refused == ENOENT && now - over < std::chrono::seconds(kFolderSeconds);
}

TapWriter &TapWriter::instance()
{
    static TapWriter *writer = new TapWriter;
    return *writer;
}

TapWriter::TapWriter()
{
    std::fill_n(began, kThreads, Clock::time_point::max());
    /* Signals are for the interpreter's own threads. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (unsigned i = 0; i < kThreads; ++i) {
        threads.emplace_back(&TapWriter::run, this, i);
        pthread_setname_np(threads.back().native_handle(), "tap-writer");
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void TapWriter::add(std::shared_ptr<Recording> recording)
{
    std::lock_guard<std::mutex> guard(mutex);
    open.push_back({Clock::now() + std::chrono::milliseconds(kPeriodMs), std::move(recording)});
    wake.notify_all();
}

void TapWriter::finish(const std::shared_ptr<Recording> &recording)
{
    std::lock_guard<std::mutex> guard(mutex);
    auto found = std::find_if(open.begin(), open.end(), [&](const Due &due) { return due.recording == recording; });
    if (found == open.end()) {
        ending.push_back(recording);        // whoever has it in hand puts it there
        return;
    }
    open.erase(found);
    closing.push_back({Clock::now(), recording});
    wake.notify_all();
}

TapWriter::Clock::time_point TapWriter::nextDue() const
{
    Clock::time_point due = open.empty() ? Clock::time_point::max() : open.front().at;
    return closing.empty() ? due : std::min(due, closing.front().at);
}

/* How long what is due may wait for the thread that is at work; nothing waits for one that is held up. */
TapWriter::Clock::duration TapWriter::patience() const
{
    const Clock::duration stuck = std::chrono::milliseconds(kStuckMs);
    const Clock::time_point now = Clock::now();
    for (Clock::time_point since : began) {
        if (since != Clock::time_point::max() && now - since < stuck)
            return stuck;
    }
    return Clock::duration::zero();
}

void TapWriter::run(unsigned thread)
{
    std::unique_lock<std::mutex> lock(mutex);
    while (true) {
        const Clock::time_point due = nextDue();
        if (due == Clock::time_point::max()) {
            wake.wait(lock);
        } else if (Clock::now() < due + patience()) {
            wake.wait_until(lock, due + patience());
        } else {
            /* Whoever has hung up is waited for, the others have time. */
            const bool last = !closing.empty();
            std::deque<Due> &queue = last ? closing : open;
            std::shared_ptr<Recording> recording = queue.front().recording;
            queue.pop_front();

            began[thread] = Clock::now();
            lock.unlock();
            last ? recording->finalise() : recording->flush();
            lock.lock();
            began[thread] = Clock::time_point::max();
            if (!last)
                giveBack(std::move(recording));
            else if (!recording->finished)
                wait(std::move(recording));
        }
    }
}

void TapWriter::giveBack(std::shared_ptr<Recording> recording)
{
    auto told = std::find(ending.begin(), ending.end(), recording);
    if (told == ending.end()) {
        open.push_back({Clock::now() + std::chrono::milliseconds(kPeriodMs), std::move(recording)});
    } else {
        ending.erase(told);
        closing.push_back({Clock::now(), std::move(recording)});
    }
}

/* It is to be finished, by and by. */
void TapWriter::wait(std::shared_ptr<Recording> recording)
{
    ending.push_back(recording);
    open.push_back({Clock::now() + std::chrono::milliseconds(kPeriodMs), std::move(recording)});
}

} // namespace pj
