"""The features the network hears: 40 MFCCs every 10 ms of 8 kHz audio, the same as Vosk computes from `mfcc.conf`."""

import kaldi_native_fbank as knf
import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 8000
FRAME_SHIFT = 0.010
FRAME_LENGTH = 0.025
SUBSAMPLING = 3
"""The network speaks once for three feature frames, every 30 ms."""
DIMENSION = 40
_LOW_HZ, _HIGH_HZ = 40, 3900

MFCC_CONF = f"""\
--use-energy=false
--sample-frequency={SAMPLE_RATE}
--frame-length={FRAME_LENGTH * 1000:.0f}
--frame-shift={FRAME_SHIFT * 1000:.0f}
--num-mel-bins={DIMENSION}
--num-ceps={DIMENSION}
--low-freq={_LOW_HZ}
--high-freq={_HIGH_HZ}
--dither=0.0
--snip-edges=true
--allow-upsample=true
"""
"""Kaldi's options; without dither decoding is deterministic."""


def _options() -> knf.MfccOptions:
    options = knf.MfccOptions()
    frame = options.frame_opts
    frame.samp_freq = SAMPLE_RATE
    frame.frame_length_ms = FRAME_LENGTH * 1000
    frame.frame_shift_ms = FRAME_SHIFT * 1000
    frame.dither = 0.0
    frame.snip_edges = True
    frame.preemph_coeff = 0.97
    frame.remove_dc_offset = True
    frame.window_type = "povey"
    frame.round_to_power_of_two = True
    options.mel_opts.num_bins = DIMENSION
    options.mel_opts.low_freq = _LOW_HZ
    options.mel_opts.high_freq = _HIGH_HZ
    options.num_ceps = DIMENSION
    options.use_energy = False
    options.cepstral_lifter = 22.0
    options.htk_compat = False
    options.raw_energy = True
    options.energy_floor = 0.0
    return options


def compute_mfcc(samples: NDArray[np.float64]) -> NDArray[np.float32]:
    """Compute features of 8 kHz samples on the 16-bit scale, as an array (frames, 40)."""
    mfcc = knf.OnlineMfcc(_options())
    mfcc.accept_waveform(SAMPLE_RATE, samples.astype(np.float32).tolist())
    mfcc.input_finished()
    frames = [mfcc.get_frame(i) for i in range(mfcc.num_frames_ready)]
    return np.stack(frames).astype(np.float32) if frames else np.zeros((0, DIMENSION), np.float32)
