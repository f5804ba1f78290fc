#include "wav_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace pj
{

static const unsigned kChannels = 2;
static const unsigned kFrameBytes = kChannels * sizeof(int16_t);
static const unsigned kHeaderBytes = 44;

static char *store(char *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; ++i)
        *at++ = char(value >> (8 * i));
    return at;
}

static char *store(char *at, const char *tag)
{
    std::memcpy(at, tag, 4);
    return at + 4;
}

WavFile::~WavFile()
{
    close();
}

int WavFile::create(const std::string &path, unsigned clockRate_)
{
    fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return errno;
    clockRate = clockRate_;
    int error = refreshHeader();
    if (error) {
        close();
        ::unlink(path.c_str());
    }
    return error;
}

int WavFile::writeAt(const void *data, size_t size, uint64_t offset, size_t &done)
{
    done = 0;
    while (done < size) {
        ssize_t n = ::pwrite(fd, static_cast<const char *>(data) + done, size - done, off_t(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            return EIO;     // no error and no progress: never try for ever
        done += size_t(n);
    }
    return 0;
}

int WavFile::write(const StereoBlock &block)
{
    size_t size = block.samples.size() * sizeof(int16_t), done;
    const char *data = reinterpret_cast<const char *>(block.samples.data());

    int error = writeAt(data + blockDone, size - blockDone, kHeaderBytes + block.start * kFrameBytes + blockDone, done);
    if (done) {
        blockDone += done;
        frames = std::max(frames, block.start + blockDone / kFrameBytes);
    }
    if (!error)
        blockDone = 0;
    return error;
}

uint64_t WavFile::unwritten(const StereoBlock &block) const
{
    return block.frames() - blockDone / kFrameBytes;
}

int WavFile::refreshHeader()
{
    /* RIFF sizes have 32 bits; a longer file keeps the largest and players read to its end. */
    uint64_t audio = std::min<uint64_t>(frames * kFrameBytes, (UINT32_MAX - kHeaderBytes) / kFrameBytes * kFrameBytes);
    char header[kHeaderBytes], *at = header;

    at = store(at, "RIFF");
    at = store(at, audio + kHeaderBytes - 8, 4);
    at = store(at, "WAVE");
    at = store(at, "fmt ");
    at = store(at, 16, 4);                              // size of what follows in this chunk
    at = store(at, 1, 2);                               // PCM
    at = store(at, kChannels, 2);
    at = store(at, clockRate, 4);
    at = store(at, uint64_t(clockRate) * kFrameBytes, 4);
    at = store(at, kFrameBytes, 2);
    at = store(at, 8 * sizeof(int16_t), 2);
    at = store(at, "data");
    store(at, audio, 4);
    size_t done;
    return writeAt(header, sizeof(header), 0, done);
}

int WavFile::extend(uint64_t length)
{
    /* Also cuts a sample frame that a full disk took only half of. */
    if (::ftruncate(fd, off_t(kHeaderBytes + std::max(length, frames) * kFrameBytes)) < 0)
        return errno;
    frames = std::max(length, frames);
    return 0;
}

int WavFile::close()
{
    int error = fd >= 0 && ::close(fd) < 0 ? errno : 0;
    fd = -1;
    return error;
}

} // namespace pj
