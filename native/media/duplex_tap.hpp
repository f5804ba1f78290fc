/* A call's recording: what the caller said left, what the caller heard right. */
#ifndef MINSHENG_DUPLEX_TAP_HPP
#define MINSHENG_DUPLEX_TAP_HPP

#include "bridge_port.hpp"

#include <pjsua2/call.hpp>
#ifndef SWIG
#include "counted.hpp"
#endif

namespace pj
{

#ifndef SWIG
class TapTrack;
#endif

/**
 * Records two bridge ports into one stereo WAV file (16-bit little-endian PCM). Every tick of the bridge gives
 * one frame on each side, silence where nobody transmits, so that the file's time is the call's media time.
 *
 * Threads shared by all taps write every 100 ms and refresh the header each time: a process killed at any moment
 * leaves a file that plays up to then. Nothing is fsynced; do that when finished() where power may fail.
 *
 * While the disk refuses (full, stuck) 10 s of audio wait in memory, more as long as all taps share() it, and writing
 * is tried again every 100 ms; audio beyond that is lost and counted. When the disk takes again, what waited is written,
 * and what was lost is silence of the same length: later audio is always at its right time.
 *
 * Any thread may call any function but the destructor. None waits for a disk.
 */
class DuplexTap
{
public:
    DuplexTap();
    ~DuplexTap();

    /**
     * Let the audio that waits for the disk take this many bytes in all taps of the process together; 0 before. The
     * 10 s that each may hold anyway (320 kB at 8 kHz) count, but are never refused.
     */
    static void share(unsigned long bytes);

    /**
     * Join the bridge; recording starts with the next tick. A writer thread makes the file: what keeps it from that
     * is told by lastErrno() and, in the end, by dropped().
     *
     * @param path      must not exist. Its folder may come later, up to 10 minutes after close().
     * @param clockRate of the file in Hz, whole kHz from 8000 to 48000; the bridge resamples.
     * @param ptimeMs   the bridge's frame time in ms.
     * @throw Error     PJ_EINVAL, PJ_EEXISTS, PJ_ETOOMANY as in PcmPort.
     */
    void open(const string &path, unsigned clockRate, unsigned ptimeMs) PJSUA2_THROW(Error);

    /**
     * Close by itself in the moment call is over, whatever else the process is doing; at once if it is over already.
     * Needs watchCalls() and an open tap. Call it where the call cannot end or be destroyed meanwhile: in one of
     * its callbacks.
     */
    void closeWith(const Call &call);

    /** The port for the caller's own voice; its startTransmit() fails unless the tap is open. */
    AudioMedia &left();

    /** The port for everything the caller hears. */
    AudioMedia &right();

    /** Ticks recorded, lost ones included. */
    unsigned long frames() const;

    /** Sample frames in the file (its length; stretches that were lost count, being silence in it). */
    unsigned long written() const;

    /** Sample frames of audio lost. */
    unsigned long dropped() const;

    /** The errno of the last write that failed, 0 if none has. */
    int lastErrno() const;

    /**
     * Leave the bridge and take nothing more. A writer thread writes what is there, finalises the header and closes
     * the file, however long the disk takes; also when this object is gone. Safe to call twice, and after
     * libDestroy().
     */
    void close();

    /** Whether nothing will be written any more: the file is complete and closed, or there never was one. */
    bool finished() const;

private:
    DuplexTap(const DuplexTap &);
    DuplexTap &operator=(const DuplexTap &);

#ifndef SWIG
    std::shared_ptr<TapTrack> track;
    Counted<DuplexTap> counted;
#endif
};

} // namespace pj

#endif
