/* A stereo 16-bit WAV file that is playable at every moment. */
#ifndef MINSHENG_WAV_FILE_HPP
#define MINSHENG_WAV_FILE_HPP

#include "stereo_track.hpp"

#include <string>

namespace pj
{

/**
 * Positions are sample frames from the start of the audio. Places that are skipped are silence (a hole in the
 * file, which takes no disk). Every function returns 0 or an errno. Not thread-safe.
 */
class WavFile
{
public:
    WavFile() {}
    ~WavFile();

    /** Make the file with an empty header. EEXIST if there is one: a recording is never overwritten. */
    int create(const std::string &path, unsigned clockRate);

    /** Write block from the sample frame it has been written up to; progress is kept over errors. */
    int write(const StereoBlock &block);

    /** Sample frames of the current block that are still to be written. */
    uint64_t unwritten(const StereoBlock &block) const;

    /** Write the header with the sizes as they are now. */
    int refreshHeader();

    /** Lengthen the audio with silence, without needing disk space. */
    int extend(uint64_t frames);

    /** Close the descriptor; some file systems tell a full disk only now. */
    int close();

    uint64_t length() const { return frames; }  ///< sample frames in the file

private:
    WavFile(const WavFile &) = delete;
    WavFile &operator=(const WavFile &) = delete;

    int writeAt(const void *data, size_t size, uint64_t offset, size_t &done);

    int fd = -1;
    unsigned clockRate = 0;
    uint64_t frames = 0;
    uint64_t blockDone = 0;         // bytes of the current block
};

} // namespace pj

#endif
