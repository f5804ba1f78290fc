/* What was measured, as one line of JSON. */
#pragma once
#include "caller.h"
#include "rtp.h"
#include "sip.h"

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* {"p50":…,"p99":…,"max":…} of microseconds, in milliseconds; null without values. Nearest rank. */
static void print_quantiles(const char *name, uint32_t *values, size_t count)
{
    if (!count) {
        printf("\"%s\":null", name);
        return;
    }
    qsort(values, count, sizeof *values, by_size);
    printf("\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name, values[(count - 1) / 2] / 1e3,
           values[(count * 99 + 99) / 100 - 1] / 1e3, values[count - 1] / 1e3);
}

static void print_streams(void)
{
    printf("\"streams\":[");
    for (int i = 0; i < option.calls; i++) {
        struct caller *c = &callers[i];
        printf("%s{\"received\":%zu,\"missing\":%zu,", i ? "," : "", c->received, c->missing);
        print_quantiles("gap_ms", c->gaps, c->gap_count);
        printf("}");
    }
    printf("]");
}

static void print_calls(void)
{
    printf("\"calls\":[");
    for (size_t i = 0; i < placed; i++) {
        struct call *call = &history[i];
        printf("%s{\"sip_call_id\":\"%s\",\"stream\":%d,", i ? "," : "", call->id, call->stream);
        printf("\"status\":%d,", call->status);
        if (call->setup < 0) printf("\"setup_ms\":null,");
        else printf("\"setup_ms\":%.3f,", (double)call->setup / 1e3);
        if (call->ended) printf("\"ended_at\":%.6f,\"ended_by\":\"%s\"}", (double)call->ended / 1e6, call->by);
        else printf("\"ended_at\":null,\"ended_by\":null}");
    }
    printf("]");
}

/* {"503":2,…}: final statuses of the calls that were not answered; "none" for no answer at all. Returns how many. */
static size_t print_failures(void)
{
    size_t counts[700] = {0}, failures = 0;
    for (size_t i = 0; i < placed; i++) {
        if (history[i].setup < 0) counts[history[i].status % 700]++;
    }
    printf("\"failed\":{");
    for (int status = 0; status < 700; status++) {
        if (!counts[status]) continue;
        if (status) printf("%s\"%d\":%zu", failures ? "," : "", status, counts[status]);
        else printf("\"none\":%zu", counts[status]);
        failures += counts[status];
    }
    printf("}");
    return failures;
}

/* Print it; true when every call was answered and stood until its caller hung up, or the caller was to dial again. */
static bool print_report(double measured)
{
    size_t received = 0, missing = 0, stray = 0, pauses = 0, count = 0, by_peer = 0, answered = 0;
    for (int i = 0; i < option.calls; i++) {
        struct caller *c = &callers[i];
        received += c->received, missing += c->missing, stray += c->stray, pauses += c->pauses;
        count += c->gap_count;
    }
    uint32_t *gaps = allocate(count + 1, sizeof *gaps), *setups = allocate(placed + 1, sizeof *setups);
    count = 0;
    for (int i = 0; i < option.calls; i++) {
        memcpy(gaps + count, callers[i].gaps, callers[i].gap_count * sizeof *gaps);
        count += callers[i].gap_count;
    }
    for (size_t i = 0; i < placed; i++) {
        by_peer += !strcmp(history[i].by, "peer");
        if (history[i].setup >= 0) setups[answered++] = (uint32_t)history[i].setup;
    }
    printf("{\"measured_seconds\":%.3f,\"answered\":%zu,\"ended_by_peer\":%zu,", measured, answered, by_peer);
    size_t failures = print_failures();
    printf(",\"received\":%zu,\"missing\":%zu,\"stray\":%zu,\"pauses\":%zu,", received, missing, stray, pauses);
    print_quantiles("setup_ms", setups, answered);
    printf(",");
    print_quantiles("gap_ms", gaps, count);
    printf(",");
    print_quantiles("sent_late_ms", late_us, late_count);
    printf(",");
    print_streams();
    printf(",");
    print_calls();
    printf("}\n");
    free(gaps);
    free(setups);
    return !failures && (option.redial || !by_peer);
}
