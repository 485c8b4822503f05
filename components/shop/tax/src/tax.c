// Value-added tax: a table, and a whole number of cents for each item.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taxes.h"

// Rates in thousandths, by class.
typedef struct {
  const char *country;
  uint16_t rates[3];
} row_t;

static const row_t TABLE[] = {
    {"AT", {200, 100, 0}}, {"CH", {81, 26, 0}},   {"DE", {190, 70, 0}},
    {"FR", {200, 55, 0}},  {"GB", {200, 0, 0}},   {"IT", {220, 40, 0}},
};

// The Canary Islands and the like: parts of a country with another tax.
static const row_t REGIONS[] = {
    {"DE-HELGOLAND", {0, 0, 0}},
    {"IT-LIVIGNO", {0, 0, 0}},
};

// A sum of products below stays within 64 bits.
static const uint64_t MOST = 1000000000000000ULL;

static bool is(const taxes_string_t *text, const char *expected) {
  return text->len == strlen(expected) && memcmp(text->ptr, expected, text->len) == 0;
}

static const row_t *find(const row_t *rows, size_t count, const taxes_string_t *name) {
  for (size_t i = 0; i < count; i++) {
    if (is(name, rows[i].country)) {
      return &rows[i];
    }
  }
  return NULL;
}

static const row_t *row_of(const taxes_string_t *country, const taxes_string_t *region) {
  const row_t *row = region ? find(REGIONS, sizeof REGIONS / sizeof *REGIONS, region) : NULL;
  return row ? row : find(TABLE, sizeof TABLE / sizeof *TABLE, country);
}

static void say(wasi_logging_logging_level_t level, const char *message) {
  taxes_string_t context, text;
  taxes_string_set(&context, "tax");
  taxes_string_set(&text, message);
  wasi_logging_logging_log(level, &context, &text);
}

// The first item that costs more than can be taxed.
static const exports_shop_order_tax_item_t *too_large(const exports_shop_order_tax_list_item_t *items) {
  for (size_t i = 0; i < items->len; i++) {
    if (items->ptr[i].net_cents > MOST) {
      return &items->ptr[i];
    }
  }
  return NULL;
}

// Half a cent is rounded up.
static exports_shop_order_tax_due_t due(const exports_shop_order_tax_item_t *item, const row_t *row) {
  uint16_t rate = row->rates[item->class_];
  exports_shop_order_tax_due_t due = {.cents = (item->net_cents * rate + 500) / 1000};
  due.rate.is_some = rate != 0;
  due.rate.val = rate;
  taxes_string_dup_n(&due.sku, (const char *)item->sku.ptr, item->sku.len);
  return due;
}

static void levy(const row_t *row, const exports_shop_order_tax_list_item_t *items,
                 exports_shop_order_tax_list_due_t *ret) {
  ret->len = items->len;
  ret->ptr = items->len ? malloc(items->len * sizeof *ret->ptr) : NULL;
  if (items->len && !ret->ptr) {
    abort();
  }
  for (size_t i = 0; i < items->len; i++) {
    ret->ptr[i] = due(&items->ptr[i], row);
  }
}

bool exports_shop_order_tax_levy(taxes_string_t *country, taxes_string_t *maybe_region,
                                 exports_shop_order_tax_list_item_t *items, exports_shop_order_tax_list_due_t *ret,
                                 exports_shop_order_tax_problem_t *err) {
  const row_t *row = row_of(country, maybe_region);
  const exports_shop_order_tax_item_t *large = too_large(items);
  bool good = row && !large;
  if (!row) {
    say(WASI_LOGGING_LOGGING_LEVEL_WARN, "a country that is not in the table");
    err->tag = EXPORTS_SHOP_ORDER_TAX_PROBLEM_UNKNOWN_COUNTRY;
    taxes_string_dup_n(&err->val.unknown_country, (const char *)country->ptr, country->len);
  } else if (large) {
    err->tag = EXPORTS_SHOP_ORDER_TAX_PROBLEM_TOO_LARGE;
    err->val.too_large = large->net_cents;
  } else {
    char message[64];
    snprintf(message, sizeof message, "%zu items in %s", items->len, row->country);
    say(WASI_LOGGING_LOGGING_LEVEL_INFO, message);
    levy(row, items, ret);
  }
  // What was passed in is ours to free.
  taxes_string_free(country);
  if (maybe_region) {
    taxes_string_free(maybe_region);
  }
  exports_shop_order_tax_list_item_free(items);
  return good;
}
