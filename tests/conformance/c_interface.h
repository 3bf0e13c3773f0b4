/* The C part of c_interface_test.cpp. */
#ifndef TESTS_CONFORMANCE_C_INTERFACE_H
#define TESTS_CONFORMANCE_C_INTERFACE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs against an enrolled folder, which is wiped at the end. 0 where something is not as it should
   be: then `message` says where. `pause` sleeps for a moment. */
int c_interface_run(const char* home, void (*pause)(void), char* message, size_t size);

#ifdef __cplusplus
}
#endif

#endif
