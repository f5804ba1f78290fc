/* Who may begin a conversation with this program: asked before a transaction or a call is spent on it. */
#ifndef MINSHENG_SOURCE_GUARD_HPP
#define MINSHENG_SOURCE_GUARD_HPP

#include <pjsua2/types.hpp>

namespace pj
{

/** Requests without an answer since guardSources(), and the sources of which a line is due in the log. */
struct SourceRefusals
{
    unsigned long strangers = 0;    /**< Requests from sources outside the list. */
    unsigned long floods = 0;       /**< Requests beyond a source's rate. */
    StringVector told;              /**< "ADDRESS strangers|floods REQUESTS", each source once a minute at most. */
};

/**
 * Guard requests by their source, from libInit() to libDestroy(): those without a To tag that are not a transaction's
 * already. What is refused gets no answer; a stranger's connection (TCP, TLS) is closed. Until setSourceRules()
 * everybody may.
 *
 * @throw Error     PJ_EINVALIDOP when there is no endpoint.
 */
void guardSources() PJSUA2_THROW(Error);

/**
 * Replace the rules; any thread, at any time.
 *
 * Each source has a bucket of so many requests, which fills again at so many a second (IPv6: each /64). The buckets
 * are 4,096 at most; further sources share one.
 *
 * @param allow     Networks ("192.0.2.0/24", "2001:db8::/32", or an address alone) that may send; none: everybody.
 * @param peers     Networks that may send, and as much as they like.
 * @param perSecond Requests a second from any other source; 0: no limit.
 * @param burst     So many at once.
 *
 * @throw Error     PJ_EINVAL for what is no network.
 */
void setSourceRules(const StringVector &allow, const StringVector &peers, double perSecond,
                    unsigned burst) PJSUA2_THROW(Error);

/** Tell what was refused, and forget whose line is due. Any thread. */
SourceRefusals takeSourceRefusals();

} // namespace pj

#endif
