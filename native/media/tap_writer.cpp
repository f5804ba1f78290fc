#include "tap_writer.hpp"

#include <algorithm>
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

void Recording::flush()
{
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
    uint64_t lost = 0;
    if (!block.samples.empty()) {
        lost = file.unwritten(block);
        while (track.take(block))
            lost += block.frames();
    }
    discarded = lost;
    if (file.length() != track.length() || lost) {
        note(file.extend(track.length()));
        note(file.refreshHeader());
    }
    note(file.close());
    written = file.length();
}

TapWriter &TapWriter::instance()
{
    static TapWriter *writer = new TapWriter;
    return *writer;
}

TapWriter::TapWriter()
{
    /* Signals are for the interpreter's own threads. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    thread = std::thread(&TapWriter::run, this);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_setname_np(thread.native_handle(), "tap-writer");
}

void TapWriter::add(std::shared_ptr<Recording> recording)
{
    std::lock_guard<std::mutex> guard(mutex);
    open.push_back(std::move(recording));
    wake.notify_one();
}

bool TapWriter::finish(const std::shared_ptr<Recording> &recording, unsigned timeoutMs)
{
    std::unique_lock<std::mutex> lock(mutex);
    open.erase(std::remove(open.begin(), open.end(), recording), open.end());
    closing.push_back(recording);
    wake.notify_one();
    return done.wait_for(lock, std::chrono::milliseconds(timeoutMs), [&] {
        return std::find(closing.begin(), closing.end(), recording) == closing.end();
    });
}

void TapWriter::run()
{
    typedef std::chrono::steady_clock Clock;
    Clock::time_point turn = Clock::now();
    std::unique_lock<std::mutex> lock(mutex);

    while (true) {
        if (open.empty() && closing.empty())
            wake.wait(lock);
        else if (closing.empty())
            wake.wait_until(lock, turn);

        /* Whoever hangs up waits for us, the others have time: closing goes first, one at a time. */
        while (!closing.empty()) {
            std::shared_ptr<Recording> recording = closing.front();
            lock.unlock();
            recording->finalise();
            lock.lock();
            closing.erase(std::find(closing.begin(), closing.end(), recording));
            done.notify_all();
        }
        if (Clock::now() < turn)
            continue;
        turn = Clock::now() + std::chrono::milliseconds(kPeriodMs);
        std::vector<std::shared_ptr<Recording>> due = open;
        lock.unlock();
        for (size_t i = 0; i < due.size(); ++i)
            due[i]->flush();
        due.clear();
        lock.lock();
    }
}

} // namespace pj
