# The part of pjsua2 that a telephone server uses, in pjsua2's own names. Everything that can fail raises Error.
# ruff: noqa: N802, N803, N815, A002

from collections.abc import Iterator
from typing import Generic, TypeVar

PJSUA_INVALID_ID: int
PJMEDIA_TYPE_AUDIO: int
PJMEDIA_DIR_NONE: int
PJMEDIA_DIR_ENCODING: int
PJMEDIA_DIR_DECODING: int
PJMEDIA_DIR_ENCODING_DECODING: int
PJMEDIA_SRTP_DISABLED: int
PJMEDIA_SRTP_OPTIONAL: int
PJMEDIA_SRTP_MANDATORY: int
PJSIP_TRANSPORT_UDP: int
PJSIP_TRANSPORT_TCP: int
PJSIP_TRANSPORT_TLS: int
PJSIP_TRANSPORT_UDP6: int
PJSIP_TRANSPORT_TCP6: int
PJSIP_TRANSPORT_TLS6: int
PJSIP_ROLE_UAC: int
PJSIP_ROLE_UAS: int
PJSIP_EVENT_RX_MSG: int
PJSIP_EVENT_TSX_STATE: int
PJSIP_INV_STATE_NULL: int
PJSIP_INV_STATE_CALLING: int
PJSIP_INV_STATE_INCOMING: int
PJSIP_INV_STATE_EARLY: int
PJSIP_INV_STATE_CONNECTING: int
PJSIP_INV_STATE_CONFIRMED: int
PJSIP_REDIRECT_REJECT: int
PJSIP_INV_STATE_DISCONNECTED: int
PJSIP_SC_OK: int
PJSUA_CALL_MEDIA_NONE: int
PJSUA_CALL_MEDIA_ACTIVE: int
PJSUA_CALL_MEDIA_LOCAL_HOLD: int
PJSUA_CALL_MEDIA_REMOTE_HOLD: int
PJSUA_CALL_MEDIA_ERROR: int
PJSUA_CALL_UPDATE_CONTACT: int
PJSUA_DTMF_METHOD_RFC2833: int
PJSUA_DTMF_METHOD_SIP_INFO: int
PJSUA_IPV6_DISABLED: int
PJSUA_IPV6_ENABLED_PREFER_IPV4: int
PJSUA_IPV6_ENABLED_PREFER_IPV6: int
PJSUA_IPV6_ENABLED_USE_IPV6_ONLY: int
PJSUA_SIP_TIMER_INACTIVE: int
PJSUA_SIP_TIMER_OPTIONAL: int
PJMEDIA_SRTP_KEYING_SDES: int
PJ_SSL_SOCK_PROTO_TLS1_2: int
PJ_SSL_SOCK_PROTO_TLS1_3: int

class Error(Exception):
    # status is pjlib's code, or 120000 + errno; str() gives what info() gives.
    status: int
    title: str
    reason: str
    srcFile: str
    srcLine: int
    def info(self, multi_line: bool = False) -> str: ...

# -- vectors ------------------------------------------------------------------

_T = TypeVar("_T")

class _Vector(Generic[_T]):
    def __len__(self) -> int: ...
    def __getitem__(self, i: int) -> _T: ...
    def __setitem__(self, i: int, x: _T) -> None: ...
    def __iter__(self) -> Iterator[_T]: ...
    def append(self, x: _T) -> None: ...
    def push_back(self, x: _T) -> None: ...
    def clear(self) -> None: ...
    def size(self) -> int: ...

class StringVector(_Vector[str]): ...
class IntVector(_Vector[int]): ...
class SipHeaderVector(_Vector[SipHeader]): ...
class AuthCredInfoVector(_Vector[AuthCredInfo]): ...
class CallMediaInfoVector(_Vector[CallMediaInfo]): ...
class CodecInfoVector2(_Vector[CodecInfo]): ...
class ToneDescVector(_Vector[ToneDesc]): ...

# -- SIP ----------------------------------------------------------------------

class SipHeader:
    hName: str
    hValue: str

class SipMediaType:
    type: str
    subType: str

class SipTxOption:
    targetUri: str
    localUri: str
    contactUri: str
    headers: SipHeaderVector
    contentType: str
    msgBody: str

class SipRxData:
    info: str
    wholeMsg: str
    srcAddress: str

class SipTxData:
    info: str
    wholeMsg: str
    dstAddress: str

class SipTransaction:
    role: int
    method: str
    statusCode: int
    statusText: str
    state: int

class TsxStateEventSrc:
    rdata: SipRxData
    tdata: SipTxData
    status: int

class TsxStateEvent:
    src: TsxStateEventSrc
    tsx: SipTransaction
    prevState: int
    type: int

class RxMsgEvent:
    rdata: SipRxData

class SipEventBody:
    tsxState: TsxStateEvent
    rxMsg: RxMsgEvent

class SipEvent:
    type: int
    body: SipEventBody

class AuthCredInfo:
    scheme: str
    realm: str
    username: str
    dataType: int
    data: str
    def __init__(
        self,
        scheme: str = ...,
        realm: str = ...,
        user_name: str = ...,
        data_type: int = ...,
        data: str = ...,
    ) -> None: ...

class TlsConfig:
    CaListFile: str
    certFile: str
    privKeyFile: str
    password: str
    proto: int
    verifyServer: bool
    verifyClient: bool
    requireClientCert: bool
    msecTimeout: int

class TransportConfig:
    port: int
    portRange: int
    randomizePort: bool
    publicAddress: str
    boundAddress: str
    tlsConfig: TlsConfig
    qosType: int

class TransportInfo:
    id: int
    type: int
    typeName: str
    info: str
    flags: int
    localAddress: str
    localName: str
    usageCount: int

# -- endpoint -----------------------------------------------------------------

class UaConfig:
    maxCalls: int
    threadCnt: int
    mainThreadOnly: bool
    nameserver: StringVector
    outboundProxies: StringVector
    userAgent: str
    natTypeInSdp: int
    mwiUnsolicitedEnabled: bool

class LogEntry:
    level: int
    msg: str
    threadId: int
    threadName: str

class LogWriter:
    def write(self, entry: LogEntry) -> None: ...
    def __disown__(self) -> object: ...

class LogConfig:
    msgLogging: int
    level: int
    consoleLevel: int
    decor: int
    filename: str
    writer: LogWriter

class MediaConfig:
    clockRate: int
    sndClockRate: int
    channelCount: int
    audioFramePtime: int
    maxMediaPorts: int
    hasIoqueue: bool
    threadCnt: int
    quality: int
    ptime: int
    noVad: bool
    txDropPct: int
    rxDropPct: int
    ecOptions: int
    ecTailLen: int
    jbInit: int
    jbMinPre: int
    jbMaxPre: int
    jbMax: int
    jbDiscardAlgo: int
    sndAutoCloseTime: int

class EpConfig:
    uaConfig: UaConfig
    logConfig: LogConfig
    medConfig: MediaConfig

class AudDevManager:
    def setNullDev(self) -> None: ...

class CodecInfo:
    codecId: str
    priority: int
    desc: str

class OnTimerParam:
    msecDelay: int

class OnSelectAccountParam:
    rdata: SipRxData
    accountIndex: int

class Endpoint:
    @staticmethod
    def instance() -> Endpoint: ...
    def libCreate(self) -> None: ...
    def libInit(self, prmEpConfig: EpConfig) -> None: ...
    def libStart(self) -> None: ...
    def libDestroy(self, prmFlags: int = 0) -> None: ...
    def libGetState(self) -> int: ...
    def libRegisterThread(self, name: str) -> None: ...
    def libIsThreadRegistered(self) -> bool: ...
    def libHandleEvents(self, msec_timeout: int) -> int: ...
    def libStopWorkerThreads(self) -> None: ...
    def utilStrError(self, prmErr: int) -> str: ...
    def utilTimerSchedule(self, prmMsecDelay: int, prmUserData: None) -> object: ...
    def onTimer(self, prm: OnTimerParam) -> None: ...
    def transportCreate(self, type: int, cfg: TransportConfig) -> int: ...
    def transportEnum(self) -> IntVector: ...
    def transportGetInfo(self, id: int) -> TransportInfo: ...
    def transportClose(self, id: int) -> None: ...
    def hangupAllCalls(self) -> None: ...
    def mediaMaxPorts(self) -> int: ...
    def mediaActivePorts(self) -> int: ...
    def audDevManager(self) -> AudDevManager: ...
    def codecEnum2(self) -> CodecInfoVector2: ...
    def codecSetPriority(self, codec_id: str, priority: int) -> None: ...
    def onSelectAccount(self, prm: OnSelectAccountParam) -> None: ...

# -- account ------------------------------------------------------------------

class AccountRegConfig:
    registrarUri: str
    registerOnAdd: bool
    headers: SipHeaderVector
    timeoutSec: int
    retryIntervalSec: int
    firstRetryIntervalSec: int
    delayBeforeRefreshSec: int
    proxyUse: int

class AccountSipConfig:
    authCreds: AuthCredInfoVector
    proxies: StringVector
    contactForced: str
    contactParams: str
    contactUriParams: str
    transportId: int
    ipv6Use: int
    autoRespondSipMessage: bool

class AccountCallConfig:
    holdType: int
    prackUse: int
    timerUse: int
    timerMinSESec: int
    timerSessExpiresSec: int

class SrtpOpt:
    keyings: IntVector

class AccountMediaConfig:
    transportConfig: TransportConfig
    lockCodecEnabled: bool
    streamKaEnabled: bool
    srtpUse: int
    srtpSecureSignaling: int
    srtpOpt: SrtpOpt
    ipv6Use: int
    rtcpMuxEnabled: bool

class AccountNatConfig:
    iceEnabled: bool
    contactRewriteUse: int
    contactRewriteMethod: int
    contactUseSrcPort: int
    viaRewriteUse: int
    sdpNatRewriteUse: int
    sipOutboundUse: int
    udpKaIntervalSec: int

class AccountConfig:
    priority: int
    idUri: str
    regConfig: AccountRegConfig
    sipConfig: AccountSipConfig
    callConfig: AccountCallConfig
    natConfig: AccountNatConfig
    mediaConfig: AccountMediaConfig

class AccountInfo:
    id: int
    isDefault: bool
    uri: str
    regIsConfigured: bool
    regIsActive: bool
    regExpiresSec: int
    regStatus: int
    regStatusText: str
    regLastErr: int

class OnIncomingCallParam:
    callId: int
    rdata: SipRxData

class OnRegStartedParam:
    renew: bool

class OnRegStateParam:
    status: int
    code: int
    reason: str
    rdata: SipRxData
    expiration: int

class SendRequestParam:
    method: str
    txOption: SipTxOption

class OnSendRequestParam:
    e: SipEvent

class Account:
    def create(self, cfg: AccountConfig, make_default: bool = False) -> None: ...
    def modify(self, cfg: AccountConfig) -> None: ...
    def shutdown(self) -> None: ...
    def isValid(self) -> bool: ...
    def getId(self) -> int: ...
    def getInfo(self) -> AccountInfo: ...
    def setRegistration(self, renew: bool) -> None: ...
    def sendRequest(self, prm: SendRequestParam) -> None: ...
    def onIncomingCall(self, prm: OnIncomingCallParam) -> None: ...
    def onRegStarted(self, prm: OnRegStartedParam) -> None: ...
    def onRegState(self, prm: OnRegStateParam) -> None: ...
    def onSendRequest(self, prm: OnSendRequestParam) -> None: ...

# -- call ---------------------------------------------------------------------

class TimeVal:
    sec: int
    msec: int

class CallSetting:
    flag: int
    audioCount: int
    videoCount: int
    textCount: int
    def __init__(self, useDefaultValues: bool = False) -> None: ...

class CallOpParam:
    opt: CallSetting
    statusCode: int
    reason: str
    options: int
    txOption: SipTxOption
    def __init__(self, useDefaultCallSetting: bool = False) -> None: ...

class CallSendRequestParam:
    method: str
    txOption: SipTxOption

class CallMediaInfo:
    index: int
    type: int
    dir: int
    status: int
    audioConfSlot: int

class CallInfo:
    id: int
    role: int
    accId: int
    localUri: str
    localContact: str
    remoteUri: str
    remoteContact: str
    callIdString: str
    setting: CallSetting
    state: int
    stateText: str
    lastStatusCode: int
    lastReason: str
    media: CallMediaInfoVector
    connectDuration: TimeVal
    totalDuration: TimeVal

class StreamInfo:
    type: int
    proto: int
    dir: int
    remoteRtpAddress: str
    remoteRtcpAddress: str
    txPt: int
    rxPt: int
    codecName: str
    codecClockRate: int

class MathStat:
    n: int
    max: int
    min: int
    last: int
    mean: int

class LossType:
    burst: int
    random: int

class RtcpStreamStat:
    updateCount: int
    pkt: int
    bytes: int
    discard: int
    loss: int
    reorder: int
    dup: int
    lossPeriodUsec: MathStat
    lossType: LossType
    jitterUsec: MathStat

class RtcpStat:
    start: TimeVal
    txStat: RtcpStreamStat
    rxStat: RtcpStreamStat
    rttUsec: MathStat
    rtpTxLastTs: int
    rtpTxLastSeq: int

class JbufState:
    frameSize: int
    burst: int
    prefetch: int
    size: int
    avgDelayMsec: int
    minDelayMsec: int
    maxDelayMsec: int
    devDelayMsec: int
    lost: int
    discard: int
    empty: int

class StreamStat:
    rtcp: RtcpStat
    jbuf: JbufState

class OnCallStateParam:
    e: SipEvent

class OnCallTsxStateParam:
    e: SipEvent

class OnCallMediaStateParam: ...

class OnCallSdpCreatedParam:
    sdp: SdpSession
    remSdp: SdpSession

class OnStreamDestroyedParam:
    streamIdx: int

class OnDtmfEventParam:
    # timestamp and duration are in ms, digit is one of 0-9, *, #, A-D.
    method: int
    timestamp: int
    digit: str
    duration: int
    flags: int

class OnDtmfDigitParam:
    method: int
    digit: str
    duration: int

class SdpSession:
    wholeSdp: str

class OnCallRxOfferParam:
    offer: SdpSession
    statusCode: int
    opt: CallSetting

class OnCallTransferRequestParam:
    dstUri: str
    statusCode: int
    opt: CallSetting

class OnCallReplaceRequestParam:
    rdata: SipRxData
    statusCode: int
    reason: str
    opt: CallSetting

class OnCallRedirectedParam:
    targetUri: str

class OnCallTransferStatusParam:
    statusCode: int
    reason: str
    finalNotify: bool
    cont: bool

class Call:
    def __init__(self, acc: Account, call_id: int = ...) -> None: ...
    def getInfo(self) -> CallInfo: ...
    def isActive(self) -> bool: ...
    def getId(self) -> int: ...
    # Whether the stack still knows this as the call behind its number: false from the call's end on.
    def holdsSlot(self) -> bool: ...
    def hasMedia(self) -> bool: ...
    def getAudioMedia(self, med_idx: int) -> AudioMedia: ...
    def getStreamInfo(self, med_idx: int) -> StreamInfo: ...
    def getStreamStat(self, med_idx: int) -> StreamStat: ...
    def makeCall(self, dst_uri: str, prm: CallOpParam) -> None: ...
    def answer(self, prm: CallOpParam) -> None: ...
    def hangup(self, prm: CallOpParam) -> None: ...
    def setHold(self, prm: CallOpParam) -> None: ...
    def reinvite(self, prm: CallOpParam) -> None: ...
    def update(self, prm: CallOpParam) -> None: ...
    def xfer(self, dest: str, prm: CallOpParam) -> None: ...
    def xferReplaces(self, dest_call: Call, prm: CallOpParam) -> None: ...
    def dialDtmf(self, digits: str) -> None: ...
    def sendRequest(self, prm: CallSendRequestParam) -> None: ...
    def dump(self, with_media: bool, indent: str) -> str: ...
    def onCallState(self, prm: OnCallStateParam) -> None: ...
    def onCallTsxState(self, prm: OnCallTsxStateParam) -> None: ...
    def onCallMediaState(self, prm: OnCallMediaStateParam) -> None: ...
    def onCallSdpCreated(self, prm: OnCallSdpCreatedParam) -> None: ...
    def onStreamDestroyed(self, prm: OnStreamDestroyedParam) -> None: ...
    def onDtmfDigit(self, prm: OnDtmfDigitParam) -> None: ...
    def onDtmfEvent(self, prm: OnDtmfEventParam) -> None: ...
    def onCallRxOffer(self, prm: OnCallRxOfferParam) -> None: ...
    def onCallTransferRequest(self, prm: OnCallTransferRequestParam) -> None: ...
    def onCallTransferStatus(self, prm: OnCallTransferStatusParam) -> None: ...
    def onCallReplaceRequest(self, prm: OnCallReplaceRequestParam) -> None: ...
    def onCallRedirected(self, prm: OnCallRedirectedParam) -> int: ...

# -- media --------------------------------------------------------------------

class AudioMedia:
    def getPortId(self) -> int: ...
    def startTransmit(self, sink: AudioMedia) -> None: ...
    def stopTransmit(self, sink: AudioMedia) -> None: ...
    def adjustRxLevel(self, level: float) -> None: ...
    def adjustTxLevel(self, level: float) -> None: ...
    def getRxLevel(self) -> int: ...
    def getTxLevel(self) -> int: ...

class ToneDesc:
    freq1: int
    freq2: int
    on_msec: int
    off_msec: int
    volume: int
    flags: int

class ToneGenerator(AudioMedia):
    def createToneGenerator(self, clock_rate: int = 16000, channel_count: int = 1) -> None: ...
    def isBusy(self) -> bool: ...
    def stop(self) -> None: ...
    def play(self, tones: ToneDescVector, loop: bool = False) -> None: ...

class PcmPort(AudioMedia):
    # Keeps what it hears (16-bit little-endian mono) until it is read; native/media/pcm_port.hpp says more.
    def createPort(self, name: str, clockRate: int, ptimeMs: int, ringMs: int) -> None: ...
    def rxRead(self, maxBytes: int) -> bytes: ...
    def rxAvailable(self) -> int: ...
    def rxFrames(self) -> int: ...
    def rxFramesAt(self, timestamp: int) -> int: ...
    def rxDropped(self) -> int: ...
    def close(self) -> None: ...

class FeedPort(AudioMedia):
    # Gives what is written to it (16-bit little-endian mono); native/media/feed_port.hpp says more.
    def createPort(self, name: str, clockRate: int, ptimeMs: int, aheadMs: int) -> None: ...
    def write(self, pcm: bytes) -> None: ...
    def txDropped(self) -> int: ...
    def close(self) -> None: ...

class PromptSound:
    # 16-bit little-endian mono samples, copied; shared by all ports that play it.
    def __init__(self, pcm: bytes) -> None: ...
    def samples(self) -> int: ...
    def users(self) -> int: ...

class PromptPort(AudioMedia):
    # Plays one sound at a time from memory; native/media/prompt_port.hpp says more.
    def createPort(self, name: str, clockRate: int, ptimeMs: int) -> None: ...
    def play(self, sound: PromptSound, loop: bool = False, first: int = 0) -> int: ...
    def stop(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def position(self) -> int: ...
    def finished(self) -> int: ...
    def finishedAt(self) -> int: ...
    def close(self) -> None: ...

class DuplexTap:
    # Records two ports into one stereo WAV file; native/media/duplex_tap.hpp says more.
    @staticmethod
    def share(bytes: int) -> None: ...
    def open(self, path: str, clockRate: int, ptimeMs: int) -> None: ...
    def left(self) -> AudioMedia: ...
    def right(self) -> AudioMedia: ...
    def frames(self) -> int: ...
    def written(self) -> int: ...
    def dropped(self) -> int: ...
    def lastErrno(self) -> int: ...
    def closeWith(self, call: Call) -> None: ...
    def close(self) -> None: ...
    def finished(self) -> bool: ...

class LiveObjects:
    # What lives in the native half of this process; native/media/live_objects.hpp says more.
    calls: int
    stackCalls: int
    pcmPorts: int
    promptPorts: int
    feedPorts: int
    taps: int
    recordings: int
    strays: int

def liveObjects() -> LiveObjects: ...

# -- SIP ----------------------------------------------------------------------

# Between libInit() and libDestroy(); native/sip/stream_guard.hpp, request_guard.hpp and call_watch.hpp say more.
def guardStreams() -> None: ...
def guardRequests() -> None: ...
def refuseOptions(retryAfter: int) -> None: ...

class Arrival:
    # How a message came; native/sip/arrival.hpp says more.
    transport: str
    port: int

# Only within the callback that the data is of.
def arrivalOf(data: SipRxData) -> Arrival: ...
def guardSources() -> None: ...
def setSourceRules(allow: StringVector, peers: StringVector, perSecond: float, burst: int) -> None: ...
def takeSourceRefusals() -> SourceRefusals: ...

class SourceRefusals:
    strangers: int
    floods: int
    told: StringVector

def watchCalls() -> None: ...

# -- drills, for tests only -----------------------------------------------------

# After libInit(); the process can only be killed from then on. native/sip/drill.hpp says more.
def drillDeadlock() -> None: ...

# -- keys by SIP INFO ---------------------------------------------------------

# Between libInit() and libDestroy(); native/sip/info_keys.hpp says more.
def takeInfoKeys() -> None: ...

# Between libInit() and libDestroy(); native/sip/referral.hpp says more.
def takeReferrals() -> None: ...

class Referral:
    def __init__(self) -> None: ...
    def send(self, call: Call, to: str, headers: SipHeaderVector) -> None: ...
    def answer(self) -> int: ...
    def told(self) -> int: ...
    def over(self) -> bool: ...
