// Every kind of type through C.
//
// The types of the import and of the export are two with one layout, as they come of one interface: a pointer to one is a
// pointer to the other. What was passed in is ours: given back, it is the caller's; given on, it stays ours, to be freed.

#include <string.h>

#include "link.h"

static void say(const char *name) {
  link_string_t context, message;
  link_string_set(&context, "c");
  link_string_set(&message, name);
  wasi_logging_logging_log(WASI_LOGGING_LOGGING_LEVEL_DEBUG, &context, &message);
}

#define SAME_LAYOUT(TYPE)                                                                                              \
  _Static_assert(sizeof(test_conformance_echo_##TYPE) == sizeof(exports_test_conformance_echo_##TYPE), #TYPE)

SAME_LAYOUT(integers_t);
SAME_LAYOUT(others_t);
SAME_LAYOUT(shape_t);
SAME_LAYOUT(nested_t);
SAME_LAYOUT(list_nested_t);
SAME_LAYOUT(result_u64_string_t);

// A function whose value is passed and returned by pointer, and may hold something that is freed by FREE.
#define THROUGH(NAME, EXPORTED, IMPORTED, FREE)                                                                        \
  void exports_test_conformance_echo_##NAME(bool forward, EXPORTED *value, EXPORTED *ret) {                            \
    say(#NAME);                                                                                                        \
    if (!forward) {                                                                                                    \
      *ret = *value;                                                                                                   \
      return;                                                                                                          \
    }                                                                                                                  \
    test_conformance_echo_##NAME(false, (IMPORTED *)value, (IMPORTED *)ret);                                           \
    FREE(value);                                                                                                       \
  }

#define NOTHING(VALUE) (void)(VALUE)

THROUGH(echo_integers, exports_test_conformance_echo_integers_t, test_conformance_echo_integers_t, NOTHING)
THROUGH(echo_others, exports_test_conformance_echo_others_t, test_conformance_echo_others_t,
        exports_test_conformance_echo_others_free)
THROUGH(echo_text, link_string_t, link_string_t, link_string_free)
THROUGH(echo_bytes, link_list_u8_t, link_list_u8_t, link_list_u8_free)
THROUGH(echo_numbers, link_list_u64_t, link_list_u64_t, link_list_u64_free)
THROUGH(echo_shape, exports_test_conformance_echo_shape_t, test_conformance_echo_shape_t,
        exports_test_conformance_echo_shape_free)
THROUGH(echo_pair, link_tuple3_string_s64_char32_t, link_tuple3_string_s64_char32_t,
        link_tuple3_string_s64_char32_free)
THROUGH(echo_nested, exports_test_conformance_echo_list_nested_t, test_conformance_echo_list_nested_t,
        exports_test_conformance_echo_list_nested_free)

exports_test_conformance_echo_season_t exports_test_conformance_echo_echo_season(
    bool forward, exports_test_conformance_echo_season_t value) {
  say("echo_season");
  return forward ? test_conformance_echo_echo_season(false, value) : value;
}

exports_test_conformance_echo_rights_t exports_test_conformance_echo_echo_rights(
    bool forward, exports_test_conformance_echo_rights_t value) {
  say("echo_rights");
  return forward ? test_conformance_echo_echo_rights(false, value) : value;
}

bool exports_test_conformance_echo_echo_maybe(bool forward, uint32_t *maybe_value, uint32_t *ret) {
  say("echo_maybe");
  if (forward) {
    return test_conformance_echo_echo_maybe(false, maybe_value, ret);
  }
  if (maybe_value) {
    *ret = *maybe_value;
  }
  return maybe_value != NULL;
}

bool exports_test_conformance_echo_echo_outcome(bool forward, exports_test_conformance_echo_result_u64_string_t *value,
                                                uint64_t *ret, link_string_t *err) {
  say("echo_outcome");
  if (forward) {
    bool good =
        test_conformance_echo_echo_outcome(false, (test_conformance_echo_result_u64_string_t *)value, ret, err);
    exports_test_conformance_echo_result_u64_string_free(value);
    return good;
  }
  if (value->is_err) {
    *err = value->val.err;
    return false;
  }
  *ret = value->val.ok;
  return true;
}
