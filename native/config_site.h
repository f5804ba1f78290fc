/* pjproject for a telephone server: 2,048 calls in one process, no sound card, no video. */

/* -- sizes ---------------------------------------------------------------- */
/* Callers (sip.cap, 1,000 at most), the legs to people (passing.cap, 500 at most), and calls that are over and wait for
 * their last messages, up to a minute with a peer that is gone. */
#define PJSUA_MAX_CALLS                   2048
#define PJSUA_MAX_ACC                     128
/* A call takes 5 bridge ports: its stream, the recogniser's PcmPort, the two sides of a DuplexTap, and its PromptPort;
 * one more for what leaves the bridge a tick late. */
#define PJSUA_MAX_CONF_PORTS              (2048 * 6 + 64)
#define PJSUA_MAX_PLAYERS                 32        /* ours is PromptPort */
#define PJSUA_MAX_RECORDERS               32        /* ours is DuplexTap */
/* RTP and RTCP of 2,048 calls, and as many SIP connections again. Needs epoll: select() stops at 1,024. */
#define PJ_IOQUEUE_MAX_HANDLES            8192
#define PJSIP_MAX_TSX_COUNT               (16 * 1024 - 1)
#define PJSIP_MAX_DIALOG_COUNT            (4 * 1024 - 1)
#define PJSIP_MAX_TIMED_OUT_ENTRIES       64
#define PJSIP_MAX_PKT_LEN                 8000
/* Seconds for the first message of a connection: who says nothing must not hold one. */
#define PJSIP_TCP_INITIAL_TIMEOUT         10
#define PJSIP_TRANSPORT_SERVER_IDLE_TIME_FIRST 10
#define PJSIP_UDP_SO_RCVBUF_SIZE          4000000
#define PJSIP_UDP_SO_SNDBUF_SIZE          4000000

/* A caller's audio is heard from one address, and ours goes there: that of his SDP, or the first that speaks (a caller
 * behind a NAT). Another takes its place only when it has been silent for so long (patches/0021). */
#define PJMEDIA_RTP_SOURCE_SILENCE_MSEC   2000
/* The reports' destination follows that of the audio, and no stranger's reports. */
#define PJMEDIA_RTCP_NAT_PROBATION_CNT    0x7fffffff

/* -- features ------------------------------------------------------------- */
#define PJ_HAS_IPV6                       1
#define PJSIP_HAS_TLS_TRANSPORT           1
#define PJMEDIA_HAS_SRTP                  1
#define PJMEDIA_HAS_DTMF_FLASH            0         /* the hook is no key */
#define PJMEDIA_HAS_VIDEO                 0
#define PJMEDIA_HAS_SPEEX_AEC             0
#define PJMEDIA_CONF_USE_AGC              0
#define PJ_LOG_MAX_LEVEL                  5
#define PJ_TODO(x)

/* -- codecs --------------------------------------------------------------- */
#define PJMEDIA_HAS_G711_CODEC            1
#define PJMEDIA_HAS_G722_CODEC            1
#define PJMEDIA_HAS_OPUS_CODEC            1
#define PJMEDIA_HAS_ILBC_CODEC            0
#define PJMEDIA_HAS_G7221_CODEC           0
#define PJMEDIA_HAS_SPEEX_CODEC           0
#define PJMEDIA_HAS_L16_CODEC             0
#define PJMEDIA_HAS_GSM_CODEC             0
