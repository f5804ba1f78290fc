#include "source_guard.hpp"

#include <pjsip.h>
#include <pjsua-lib/pjsua.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#define THIS_FILE "source_guard.cpp"

namespace
{

using pj::Error;  // of the macros below

typedef std::chrono::steady_clock Clock;
typedef std::array<unsigned char, 16> Address;      // IPv4 as ::ffff:a.b.c.d

const std::size_t MOST_SOURCES = 4096;
const std::size_t MOST_TOLD = 64;
const std::chrono::seconds TELL_AGAIN(60);

struct Network
{
    Address address;
    unsigned bits;

    bool has(const Address &other) const
    {
        const unsigned whole = bits / 8, rest = bits % 8;
        if (std::memcmp(address.data(), other.data(), whole) != 0)
            return false;
        const unsigned mask = 0xffu << (8 - rest) & 0xffu;
        return rest == 0 || ((address[whole] ^ other[whole]) & mask) == 0;
    }
};

typedef std::vector<Network> Networks;

struct Source
{
    double tokens;
    Clock::time_point filled, told;
    unsigned long refused = 0;      // since it was told of
};

struct Rules
{
    Networks allow, peers;
    double per_second = 0;
    unsigned burst = 0;
};

std::mutex lock;
Rules rules;
std::map<Address, Source> sources;
pj::SourceRefusals refusals;

Address map4(const pj_in_addr &given)
{
    Address made{};
    made[10] = made[11] = 0xff;
    std::memcpy(&made[12], &given, 4);
    return made;
}

Address read(const pj_sockaddr &from)
{
    if (from.addr.sa_family != pj_AF_INET6())
        return map4(from.ipv4.sin_addr);
    Address made;
    std::memcpy(made.data(), &from.ipv6.sin6_addr, made.size());
    return made;
}

Network parse(const std::string &text)
{
    const std::size_t slash = text.find('/');
    std::string host = text.substr(0, slash);
    const pj_str_t name = {const_cast<char *>(host.c_str()), pj_ssize_t(host.size())};
    const bool is6 = host.find(':') != std::string::npos;
    const unsigned most = is6 ? 128 : 32;
    unsigned bits = most;
    Network made;
    pj_in6_addr six;
    pj_in_addr four;
    bool good = pj_inet_pton(is6 ? pj_AF_INET6() : pj_AF_INET(), &name, is6 ? static_cast<void *>(&six) : &four) == PJ_SUCCESS;
    if (slash != std::string::npos) {
        const std::string length = text.substr(slash + 1);
        good = good && !length.empty() && length.size() <= 3 && length.find_first_not_of("0123456789") == std::string::npos;
        bits = good ? unsigned(std::stoul(length)) : 0;
    }
    if (!good || bits > most)
        PJSUA2_RAISE_ERROR3(PJ_EINVAL, "setSourceRules()", text + " is no network");
    if (is6)
        std::memcpy(made.address.data(), &six, made.address.size());
    else
        made.address = map4(four);
    made.bits = is6 ? bits : bits + 96;
    return made;
}

Networks parse(const pj::StringVector &texts)
{
    Networks made;
    for (const std::string &text : texts)
        made.push_back(parse(text));
    return made;
}

bool any_has(const Networks &networks, const Address &address)
{
    return std::any_of(networks.begin(), networks.end(), [&](const Network &one) { return one.has(address); });
}

/* A customer's IPv6 network is one source: whoever has it has all its addresses. */
Address source_of(Address address)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::memcmp(address.data(), mapped, sizeof(mapped)) != 0)
        std::fill(address.begin() + 8, address.end(), 0);
    return address;
}

void fill(Source &source, Clock::time_point now)
{
    const double seconds = std::chrono::duration<double>(now - source.filled).count();
    source.tokens = std::min(double(rules.burst), source.tokens + seconds * rules.per_second);
    source.filled = now;
}

/* With the lock: the source's state, made when it is seen first. */
Source &find(const Address &address, Clock::time_point now)
{
    auto found = sources.find(address);
    if (found != sources.end())
        return found->second;
    if (sources.size() >= MOST_SOURCES) {
        for (auto each = sources.begin(); each != sources.end();) {
            fill(each->second, now);
            const bool quiet = each->second.tokens >= rules.burst && now - each->second.told > TELL_AGAIN;
            each = quiet ? sources.erase(each) : std::next(each);
        }
    }
    const Address key = sources.size() >= MOST_SOURCES ? Address{} : address;
    return sources.emplace(key, Source{double(rules.burst), now, now - 2 * TELL_AGAIN}).first->second;
}

/* With the lock: count a refusal, and have it told of if it is long since the last time. */
void note(Source &source, const char *name, bool stranger, Clock::time_point now)
{
    ++(stranger ? refusals.strangers : refusals.floods);
    ++source.refused;
    if (now - source.told < TELL_AGAIN || refusals.told.size() >= MOST_TOLD)
        return;
    refusals.told.push_back(std::string(name) + (stranger ? " strangers " : " floods ") + std::to_string(source.refused));
    source.told = now;
    source.refused = 0;
}

/* What comes again, and the CANCEL of what is there, belongs to what was let in. */
bool is_known(pjsip_rx_data *rdata)
{
    const pjsip_method &method = rdata->msg_info.cseq->method;
    const pjsip_method &begun = method.id == PJSIP_CANCEL_METHOD ? *pjsip_get_invite_method() : method;
    pj_str_t key;
    return pjsip_tsx_create_key(rdata->tp_info.pool, &key, PJSIP_ROLE_UAS, &begun, rdata) == PJ_SUCCESS &&
           pjsip_tsx_layer_find_tsx(&key, PJ_FALSE) != nullptr;
}

enum class Verdict { welcome, stranger, flood };

Verdict judge(pjsip_rx_data *rdata)
{
    const Address address = read(rdata->pkt_info.src_addr);
    const Clock::time_point now = Clock::now();
    std::lock_guard<std::mutex> held(lock);
    if (any_has(rules.peers, address))
        return Verdict::welcome;
    const bool stranger = !rules.allow.empty() && !any_has(rules.allow, address);
    if (!stranger && rules.per_second <= 0)
        return Verdict::welcome;
    Source &source = find(source_of(address), now);
    if (!stranger) {
        fill(source, now);
        if (source.tokens >= 1) {
            --source.tokens;
            return Verdict::welcome;
        }
    }
    note(source, rdata->pkt_info.src_name, stranger, now);
    return stranger ? Verdict::stranger : Verdict::flood;
}

pj_bool_t on_request(pjsip_rx_data *rdata)
{
    if (rdata->msg_info.to->tag.slen || is_known(rdata))
        return PJ_FALSE;
    const Verdict verdict = judge(rdata);
    pjsip_transport *transport = rdata->tp_info.transport;
    if (verdict == Verdict::stranger && PJSIP_TRANSPORT_IS_RELIABLE(transport))
        pjsip_transport_shutdown2(transport, PJ_TRUE);
    return verdict != Verdict::welcome;
}

/* Before the transactions: what is refused costs nothing but the reading. */
pjsip_module guard = {
    nullptr, nullptr,
    {const_cast<char *>("mod-source-guard"), 16},
    -1,
    PJSIP_MOD_PRIORITY_TSX_LAYER - 1,
    nullptr, nullptr, nullptr, nullptr,
    &on_request,
    nullptr, nullptr, nullptr, nullptr,
};

} // namespace

namespace pj
{

void guardSources() PJSUA2_THROW(Error)
{
    pjsip_endpoint *endpoint = pjsua_get_pjsip_endpt();
    if (!endpoint)
        PJSUA2_RAISE_ERROR3(PJ_EINVALIDOP, "guardSources()", "no endpoint: call it after libInit()");
    {
        std::lock_guard<std::mutex> held(lock);
        rules = Rules();
        sources.clear();
        refusals = SourceRefusals();
    }
    guard.id = -1;      // that of an endpoint before this one
    PJSUA2_CHECK_EXPR( pjsip_endpt_register_module(endpoint, &guard) );
}

void setSourceRules(const StringVector &allow, const StringVector &peers, double perSecond,
                    unsigned burst) PJSUA2_THROW(Error)
{
    Rules made;
    made.allow = parse(allow);
    made.peers = parse(peers);
    made.per_second = perSecond;
    made.burst = std::max(1u, burst);
    std::lock_guard<std::mutex> held(lock);
    rules = std::move(made);
    sources.clear();
}

SourceRefusals takeSourceRefusals()
{
    std::lock_guard<std::mutex> held(lock);
    SourceRefusals taken = refusals;
    refusals.told.clear();
    return taken;
}

} // namespace pj
