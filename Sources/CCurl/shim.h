/* libcurl is not linked but opened at run time, so that a program that stays offline neither needs nor loads it.
   Its variadic functions, which Swift cannot call, get a typed wrapper for each kind of argument here. */
#pragma once
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

typedef struct quipu_curl {
  CURLcode (*global_init)(long);
  curl_version_info_data *(*version_info)(CURLversion);
  CURL *(*easy_init)(void);
  void (*easy_cleanup)(CURL *);
  void (*easy_reset)(CURL *);
  CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
  CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
  const char *(*easy_strerror)(CURLcode);
  struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
  void (*slist_free_all)(struct curl_slist *);
  CURLM *(*multi_init)(void);
  CURLMcode (*multi_cleanup)(CURLM *);
  CURLMcode (*multi_setopt)(CURLM *, CURLMoption, ...);
  CURLMcode (*multi_add_handle)(CURLM *, CURL *);
  CURLMcode (*multi_remove_handle)(CURLM *, CURL *);
  CURLMcode (*multi_perform)(CURLM *, int *);
  CURLMcode (*multi_poll)(CURLM *, struct curl_waitfd[], unsigned int, int, int *);
  CURLMsg *(*multi_info_read)(CURLM *, int *);
} quipu_curl;

/* Returns the name of the first function that the opened library lacks, NULL if it has all. */
static inline const char *quipu_curl_bind(quipu_curl *curl, void *library) {
#define QUIPU_BIND(name) \
  if (!(*(void **)(&curl->name) = dlsym(library, "curl_" #name))) return "curl_" #name;
  QUIPU_BIND(global_init)
  QUIPU_BIND(version_info)
  QUIPU_BIND(easy_init)
  QUIPU_BIND(easy_cleanup)
  QUIPU_BIND(easy_reset)
  QUIPU_BIND(easy_setopt)
  QUIPU_BIND(easy_getinfo)
  QUIPU_BIND(easy_strerror)
  QUIPU_BIND(slist_append)
  QUIPU_BIND(slist_free_all)
  QUIPU_BIND(multi_init)
  QUIPU_BIND(multi_cleanup)
  QUIPU_BIND(multi_setopt)
  QUIPU_BIND(multi_add_handle)
  QUIPU_BIND(multi_remove_handle)
  QUIPU_BIND(multi_perform)
  QUIPU_BIND(multi_poll)
  QUIPU_BIND(multi_info_read)
#undef QUIPU_BIND
  return NULL;
}

static inline CURLcode quipu_curl_global_init(const quipu_curl *curl) { return curl->global_init(CURL_GLOBAL_ALL); }
static inline curl_version_info_data *quipu_curl_version(const quipu_curl *curl) {
  return curl->version_info(CURLVERSION_NOW);
}
static inline CURL *quipu_curl_easy_init(const quipu_curl *curl) { return curl->easy_init(); }
static inline void quipu_curl_easy_cleanup(const quipu_curl *curl, CURL *easy) { curl->easy_cleanup(easy); }
static inline void quipu_curl_easy_reset(const quipu_curl *curl, CURL *easy) { curl->easy_reset(easy); }
static inline const char *quipu_curl_error_text(const quipu_curl *curl, CURLcode code) {
  return curl->easy_strerror(code);
}
static inline struct curl_slist *quipu_curl_slist_append(
    const quipu_curl *curl, struct curl_slist *list, const char *line) {
  return curl->slist_append(list, line);
}
static inline void quipu_curl_slist_free(const quipu_curl *curl, struct curl_slist *list) {
  curl->slist_free_all(list);
}

static inline CURLcode quipu_curl_set_long(const quipu_curl *curl, CURL *easy, CURLoption option, long value) {
  return curl->easy_setopt(easy, option, value);
}
static inline CURLcode quipu_curl_set_offset(const quipu_curl *curl, CURL *easy, CURLoption option, int64_t value) {
  return curl->easy_setopt(easy, option, (curl_off_t)value);
}
static inline CURLcode quipu_curl_set_text(
    const quipu_curl *curl, CURL *easy, CURLoption option, const char *value) {
  return curl->easy_setopt(easy, option, value);
}
static inline CURLcode quipu_curl_set_pointer(const quipu_curl *curl, CURL *easy, CURLoption option, void *value) {
  return curl->easy_setopt(easy, option, value);
}
typedef size_t (*quipu_curl_block)(char *, size_t, size_t, void *);
static inline CURLcode quipu_curl_set_block(
    const quipu_curl *curl, CURL *easy, CURLoption option, quipu_curl_block function) {
  return curl->easy_setopt(easy, option, function);
}
typedef int (*quipu_curl_seek)(void *, curl_off_t, int);
static inline CURLcode quipu_curl_set_seek(const quipu_curl *curl, CURL *easy, quipu_curl_seek function) {
  return curl->easy_setopt(easy, CURLOPT_SEEKFUNCTION, function);
}
typedef curl_socket_t (*quipu_curl_open)(void *, curlsocktype, struct curl_sockaddr *);
typedef int (*quipu_curl_close)(void *, curl_socket_t);
static inline CURLcode quipu_curl_set_sockets(
    const quipu_curl *curl, CURL *easy, quipu_curl_open open, quipu_curl_close close, void *user) {
  CURLcode code = curl->easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open);
  if (code == CURLE_OK) code = curl->easy_setopt(easy, CURLOPT_OPENSOCKETDATA, user);
  if (code == CURLE_OK) code = curl->easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close);
  if (code == CURLE_OK) code = curl->easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, user);
  return code;
}
static inline CURLcode quipu_curl_get_long(const quipu_curl *curl, CURL *easy, CURLINFO info, long *value) {
  return curl->easy_getinfo(easy, info, value);
}
static inline CURLcode quipu_curl_get_text(const quipu_curl *curl, CURL *easy, CURLINFO info, const char **value) {
  return curl->easy_getinfo(easy, info, value);
}
static inline CURLcode quipu_curl_get_offset(const quipu_curl *curl, CURL *easy, CURLINFO info, int64_t *value) {
  curl_off_t offset = 0;
  CURLcode code = curl->easy_getinfo(easy, info, &offset);
  *value = (int64_t)offset;
  return code;
}

static inline CURLM *quipu_curl_multi_init(const quipu_curl *curl) { return curl->multi_init(); }
static inline CURLMcode quipu_curl_multi_cleanup(const quipu_curl *curl, CURLM *multi) {
  return curl->multi_cleanup(multi);
}
static inline CURLMcode quipu_curl_multi_set_long(
    const quipu_curl *curl, CURLM *multi, CURLMoption option, long value) {
  return curl->multi_setopt(multi, option, value);
}
static inline CURLMcode quipu_curl_multi_add(const quipu_curl *curl, CURLM *multi, CURL *easy) {
  return curl->multi_add_handle(multi, easy);
}
static inline CURLMcode quipu_curl_multi_remove(const quipu_curl *curl, CURLM *multi, CURL *easy) {
  return curl->multi_remove_handle(multi, easy);
}
static inline CURLMcode quipu_curl_multi_perform(const quipu_curl *curl, CURLM *multi) {
  int running = 0;
  return curl->multi_perform(multi, &running);
}
/* Waits for libcurl's sockets and for `event` to become readable. */
static inline CURLMcode quipu_curl_multi_poll(const quipu_curl *curl, CURLM *multi, int event, int milliseconds) {
  struct curl_waitfd extra;
  extra.fd = event;
  extra.events = CURL_WAIT_POLLIN;
  extra.revents = 0;
  return curl->multi_poll(multi, &extra, 1, milliseconds, NULL);
}
/* The next finished transfer and its result; NULL: none. */
static inline CURL *quipu_curl_multi_next(const quipu_curl *curl, CURLM *multi, CURLcode *result) {
  int left = 0;
  CURLMsg *message;
  while ((message = curl->multi_info_read(multi, &left))) {
    if (message->msg != CURLMSG_DONE) continue;
    *result = message->data.result;
    return message->easy_handle;
  }
  return NULL;
}

/* OpenSSL frees its tables in an exit handler, under the feet of library threads that still send. Asked before its first
   use it leaves that out; later the call has no effect. */
static inline void quipu_curl_keep_openssl(void *library) {
  int (*init)(uint64_t, const void *);
  *(void **)(&init) = dlsym(library, "OPENSSL_init_crypto");
  if (init) init(0x00080000, NULL);
}

/* Opening libcurl loads some forty libraries, and linking them touches far more of their pages than sending ever does:
   6 MB of the process's resident memory. Pages of code and tables that nobody can have written to are let go; the kernel
   maps those again that are used. */
typedef struct quipu_objects {
  int known;
  int seen;
} quipu_objects;
/* Only what libcurl is known to bring: another thread of the host may be loading libraries of its own just now. */
static inline int quipu_comes_with_curl(const char *path) {
  static const char *const names[] = {
    "libcurl", "libcrypto", "libssl", "libgnutls", "libkrb5", "libk5crypto", "libgssapi", "libldap", "liblber", "libssh2",
    "libnghttp2", "libunistring", "libidn2", "libpsl", "libbrotli", "libzstd", "librtmp", "libnettle", "libhogweed", "libgmp",
    "libp11-kit", "libtasn1", "libsasl2", "libcom_err", "libkeyutils", "libresolv", "libffi"};
  const char *name = path ? strrchr(path, '/') : NULL;
  if (!name) return 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strncmp(name + 1, names[i], strlen(names[i])) == 0) return 1;
  return 0;
}
/* The beginning of glibc's `struct dl_phdr_info`, which is hidden unless _GNU_SOURCE is defined; that would make this
   module's types differ from those that Swift has of glibc. */
typedef struct quipu_object_info {
  ElfW(Addr) dlpi_addr;
  const char *dlpi_name;
  const ElfW(Phdr) *dlpi_phdr;
  ElfW(Half) dlpi_phnum;
} quipu_object_info;
static inline int quipu_objects_step(quipu_object_info *info, size_t size, void *user) {
  quipu_objects *objects = (quipu_objects *)user;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  (void)size;
  if (objects->seen++ < objects->known || objects->known < 0) return 0;
  if (!quipu_comes_with_curl(info->dlpi_name)) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    if (part->p_type != PT_DYNAMIC) continue;
    /* The linker has written to the code of such a library. */
    for (const ElfW(Dyn) *entry = (const ElfW(Dyn) *)(info->dlpi_addr + part->p_vaddr); entry->d_tag != DT_NULL; entry++)
      if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL))) return 0;
  }
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || (part->p_flags & PF_W)) continue;
    const uintptr_t start = (info->dlpi_addr + part->p_vaddr) & ~(page - 1);
    const uintptr_t end = (info->dlpi_addr + part->p_vaddr + part->p_filesz) & ~(page - 1);
    if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
  }
  return 0;
}
static inline void quipu_objects_visit(quipu_objects *objects) {
  int (*visit)(int (*)(quipu_object_info *, size_t, void *), void *);
  *(void **)(&visit) = dlsym(NULL, "dl_iterate_phdr");
  if (visit) visit(quipu_objects_step, objects);
}
/* How many libraries are loaded. */
static inline int quipu_objects_count(void) {
  quipu_objects objects = {-1, 0};
  quipu_objects_visit(&objects);
  return objects.seen;
}
/* Lets go of pages of the libraries loaded after the first `known`. */
static inline void quipu_objects_trim(int known) {
  quipu_objects objects = {known, 0};
  if (known > 0) quipu_objects_visit(&objects);
}

static inline int quipu_event_open(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
static inline void quipu_event_raise(int event) { eventfd_write(event, 1); }
static inline void quipu_event_clear(int event) {
  eventfd_t count;
  eventfd_read(event, &count);
}

/* A socket that programs started by the host do not inherit, and that gives up on data nobody acknowledges. */
static inline curl_socket_t quipu_socket_open(const struct curl_sockaddr *address, unsigned int patience_ms) {
  int made = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (made < 0) return CURL_SOCKET_BAD;
  if (address->family == AF_INET || address->family == AF_INET6)
    setsockopt(made, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
  return made;
}
