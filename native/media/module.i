// pjproject's own Python module, with our media classes in it.
%module(directors="1") pjsua2

%{
#include "arrival.hpp"
#include "call_watch.hpp"
#include "drill.hpp"
#include "duplex_tap.hpp"
#include "feed_port.hpp"
#include "info_keys.hpp"
#include "live_objects.hpp"
#include "pcm_port.hpp"
#include "prompt_port.hpp"
#include "referral.hpp"
#include "request_guard.hpp"
#include "source_guard.hpp"
#include "stream_guard.hpp"
%}

// These only copy memory: giving the interpreter lock away and taking it back would cost more than the work.
%feature("nothreadallow") pj::PcmPort::rxRead;
%feature("nothreadallow") pj::PcmPort::rxAvailable;
%feature("nothreadallow") pj::PcmPort::rxFrames;
%feature("nothreadallow") pj::PcmPort::rxFramesAt;
%feature("nothreadallow") pj::PcmPort::rxDropped;
%feature("nothreadallow") pj::FeedPort::write;
%feature("nothreadallow") pj::FeedPort::txDropped;
%feature("nothreadallow") pj::PromptSound::samples;
%feature("nothreadallow") pj::PromptSound::users;
%feature("nothreadallow") pj::PromptPort::play;
%feature("nothreadallow") pj::PromptPort::stop;
%feature("nothreadallow") pj::PromptPort::pause;
%feature("nothreadallow") pj::PromptPort::resume;
%feature("nothreadallow") pj::PromptPort::position;
%feature("nothreadallow") pj::PromptPort::finished;
%feature("nothreadallow") pj::PromptPort::finishedAt;
%feature("nothreadallow") pj::DuplexTap::left;
%feature("nothreadallow") pj::DuplexTap::right;
%feature("nothreadallow") pj::DuplexTap::frames;
%feature("nothreadallow") pj::DuplexTap::written;
%feature("nothreadallow") pj::DuplexTap::dropped;
%feature("nothreadallow") pj::DuplexTap::lastErrno;
%feature("nothreadallow") pj::DuplexTap::finished;
%feature("nothreadallow") pj::Call::holdsSlot;
%feature("nothreadallow") pj::Call::getId;

%extend pj::PcmPort {
    PyObject *rxRead(unsigned long maxBytes) {
        unsigned long size = $self->rxAvailable();
        if (size > maxBytes)
            size = maxBytes & ~1ul;
        PyObject *bytes = PyBytes_FromStringAndSize(NULL, Py_ssize_t(size));
        if (!bytes)
            return NULL;
        unsigned long got = $self->read(PyBytes_AS_STRING(bytes), size);
        if (got < size)     // another reader was faster
            _PyBytes_Resize(&bytes, Py_ssize_t(got));
        return bytes;
    }
}

// Whether the stack still knows this as the call behind its number: false from the call's end on.
%extend pj::Call {
    bool holdsSlot() const { return pj::holdsSlot(*$self); }
}

// A side belongs to its tap: keep the tap alive as long as Python holds the side.
%pythonappend pj::DuplexTap::left %{
    val._tap = self
%}
%pythonappend pj::DuplexTap::right %{
    val._tap = self
%}

// A sound is made of bytes, or of whatever else has a buffer.
%include <pybuffer.i>
%pybuffer_binary(const char *pcm, size_t size);

// The reason, where Python looks for it.
%extend pj::Error {
    %pythoncode %{
    def __str__(self):
        return self.info()
    %}
}

%include "pjsua2.i"
%include "bridge_port.hpp"
%include "pcm_port.hpp"
%include "arrival.hpp"
%include "call_watch.hpp"
%include "duplex_tap.hpp"
%include "feed_port.hpp"
%include "info_keys.hpp"
%include "live_objects.hpp"
%include "prompt_port.hpp"
%include "referral.hpp"
%include "request_guard.hpp"
%include "source_guard.hpp"
%include "stream_guard.hpp"
%include "drill.hpp"

// pjlib logs to stdout at its highest level until an endpoint is configured; a command's output is not its place.
%init %{
    pj_log_set_level(1);
%}
