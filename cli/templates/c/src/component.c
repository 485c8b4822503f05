// What other components call. What is said is in greeting.c.
//
// component.h is made of wit/world.wit: `writ build` puts it into build/parts/bindings/.

#include "component.h"
#include "greeting.h"

static void say(const char *text) {
  component_string_t context, message;
  component_string_set(&context, "greeter");
  component_string_set(&message, text);
  wasi_logging_logging_log(WASI_LOGGING_LOGGING_LEVEL_INFO, &context, &message);
}

// True for the ok of a result, which is in `ret` then; its error is in `err`.
bool exports_local_component_greeter_greet(component_string_t *name, component_string_t *ret,
                                           exports_local_component_greeter_refusal_t *err) {
  say("somebody is greeted");
  size_t letters = letters_of(name->ptr, name->len);
  bool good = letters > 0 && letters <= MOST;
  if (good) {
    char text[GREETING_SIZE];
    size_t length = greeting(name->ptr, name->len, text);
    component_string_dup_n(ret, text, length);
  } else if (letters == 0) {
    err->tag = EXPORTS_LOCAL_COMPONENT_GREETER_REFUSAL_NOBODY;
  } else {
    err->tag = EXPORTS_LOCAL_COMPONENT_GREETER_REFUSAL_TOO_LONG;
    err->val.too_long = letters;
  }
  // What was passed in is ours to free.
  component_string_free(name);
  return good;
}
