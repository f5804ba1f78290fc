#include "session_body.hpp"

#include <pjmedia/sdp.h>
#include <pjsip_ua.h>

#include <algorithm>
#include <cctype>
#include <string>

namespace
{

const int DEPTH = 4;    // of parts within parts

bool is_type(const pjsip_msg_body *body, const char *type, const char *subtype = nullptr)
{
    return body && pj_stricmp2(&body->content_type.type, type) == 0 &&
           (!subtype || pj_stricmp2(&body->content_type.subtype, subtype) == 0);
}

/* A part's or message's Content-Disposition in lower case, without blanks and quotes; empty without one. */
std::string disposition(const pjsip_hdr *headers)
{
    for (auto *header = headers->next; header != headers; header = header->next) {
        if (pj_stricmp2(&header->name, "Content-Disposition") != 0)
            continue;
        const auto &value = reinterpret_cast<const pjsip_generic_string_hdr *>(header)->hvalue;
        std::string text;
        for (const char *sign = value.ptr; sign != value.ptr + value.slen; ++sign)
            if (!std::isspace(static_cast<unsigned char>(*sign)) && *sign != '"')
                text += char(std::tolower(static_cast<unsigned char>(*sign)));
        return text;
    }
    return std::string();
}

/* An early session's description (RFC 3959) is not this one's. */
bool is_session(const pjsip_multipart_part *part)
{
    const std::string text = disposition(&part->hdr);
    return is_type(part->body, "application", "sdp") && (text.empty() || text.compare(0, 7, "session") == 0);
}

pjsip_msg_body *find_session(pj_pool_t *pool, const pjsip_msg_body *whole, int depth)
{
    for (auto *part = pjsip_multipart_get_first_part(whole); part; part = pjsip_multipart_get_next_part(whole, part)) {
        pjsip_msg_body *found = part->body;
        if (is_session(part))
            return found;
        if (!is_type(found, "multipart") || depth == 0 || found->len == 0)
            continue;
        found = pjsip_multipart_parse(pool, static_cast<char *>(found->data), found->len, &found->content_type, 0);
        if (found && (found = find_session(pool, found, depth - 1)) != nullptr)
            return found;
    }
    return nullptr;
}

bool are_optional(const pjsip_msg_body *whole)
{
    for (auto *part = pjsip_multipart_get_first_part(whole); part; part = pjsip_multipart_get_next_part(whole, part))
        if (!minsheng::is_optional(&part->hdr))
            return false;
    return true;
}

/* Whether this is an address, and no name, of the family. */
bool is_of(int family, pj_str_t address)
{
    const char *end = address.ptr + address.slen;
    address.slen = std::find(address.ptr, const_cast<char *>(end), '/') - address.ptr;  // a multicast TTL
    pj_in6_addr parsed;     // room for either
    return address.slen > 0 && pj_inet_pton(family, &address, &parsed) == PJ_SUCCESS;
}

bool is_reachable(int family, const pjmedia_sdp_session *session, const pjmedia_sdp_media *stream)
{
    const char *type = family == pj_AF_INET6() ? "IP6" : "IP4";
    const pjmedia_sdp_conn *place = stream->conn ? stream->conn : session->conn;
    if (place && (pj_stricmp2(&place->addr_type, type) != 0 || !is_of(family, place->addr)))
        return false;
    const auto *reports = pjmedia_sdp_media_find_attr2(stream, "rtcp", nullptr);
    pjmedia_sdp_rtcp_attr rtcp;
    if (!reports || pjmedia_sdp_attr_get_rtcp(reports, &rtcp) != PJ_SUCCESS || rtcp.addr.slen == 0)
        return true;
    return is_of(family, rtcp.addr);
}

} // namespace

namespace minsheng
{

void cut_body(pjsip_rx_data *rdata)
{
    pjsip_msg_body *body = rdata->msg_info.msg->body;
    if (!body || is_type(body, "multipart"))    // which ends at its own closing line
        return;
    const auto *text = static_cast<const char *>(body->data);
    if (const pjsip_clen_hdr *length = rdata->msg_info.clen) {
        body->len = std::min(body->len, unsigned(std::max(length->len, 0)));
    } else {
        while (body->len > 0 && text[body->len - 1] == '\0')
            --body->len;
    }
    if (body->len == 0)
        rdata->msg_info.msg->body = nullptr;
}

bool unwrap_session(pjsip_rx_data *rdata)
{
    pjsip_msg *message = rdata->msg_info.msg;
    if (!message->body) {
        const pjsip_ctype_hdr *type = rdata->msg_info.ctype;
        const pjsip_clen_hdr *length = rdata->msg_info.clen;
        return !(type && pj_stricmp2(&type->media.type, "multipart") == 0 && length && length->len > 0);
    }
    if (is_type(message->body, "multipart")) {
        if (pjsip_msg_body *found = find_session(rdata->tp_info.pool, message->body, DEPTH)) {
            message->body = found;
            // By its type the stack knows what it reads.
            pjsip_media_type_cp(rdata->tp_info.pool, &rdata->msg_info.ctype->media, &found->content_type);
        } else if (is_optional(&message->hdr) || are_optional(message->body)) {
            message->body = nullptr;
        }
    } else if (!is_type(message->body, "application", "sdp") && is_optional(&message->hdr)) {
        message->body = nullptr;
    }
    return true;
}

bool is_optional(const pjsip_hdr *headers)
{
    return disposition(headers).find(";handling=optional") != std::string::npos;
}

bool refuse_unreachable(pjsip_rx_data *rdata)
{
    if (!rdata->msg_info.msg->body)
        return true;
    // The stack keeps what it has read beside the message: this is the description it will answer.
    pjmedia_sdp_session *session = pjsip_rdata_get_sdp_info(rdata)->sdp;
    // Our audio goes by the family our signalling goes by.
    const bool newer = rdata->tp_info.transport->key.type & PJSIP_TRANSPORT_IPV6;
    const int family = newer ? pj_AF_INET6() : pj_AF_INET();
    bool refused = false, left = false;
    for (unsigned i = 0; session && i < session->media_count; ++i) {
        pjmedia_sdp_media *stream = session->media[i];
        if (stream->desc.port == 0 || pj_stricmp2(&stream->desc.media, "audio") != 0)
            continue;
        if (is_reachable(family, session, stream)) {
            left = true;
        } else {
            stream->desc.port = 0;
            refused = true;
        }
    }
    return left || !refused;
}

} // namespace minsheng
