import Glibc

@testable import Quipu

/// A library in the place of libnvidia-ml, built from C with the compiler of the machine.
enum FakeNVML {
  /// - Parameter options: `-D` of the features below.
  static func build(_ directory: CoreDirectory, _ options: [String] = []) -> String? {
    let source = directory.path + "/fake.c"
    let library = directory.path + "/libfake-ml.so"
    guard FileTools.writeNew(source, Array(code.utf8)) else { return nil }
    let arguments = ["cc", "-shared", "-fPIC", "-w", "-o", library, source] + options
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var child: pid_t = 0
    guard posix_spawnp(&child, "cc", nil, nil, pointers, environ) == 0 else { return nil }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    return status == 0 ? library : nil
  }

  private static let code = #"""
    #include <stdint.h>
    #include <string.h>
    #include <unistd.h>
    typedef unsigned int u;
    typedef struct { u pid; uint64_t used; u gpu, compute; } process;
    static int devices[2] = {0, 1};
    static int index_of(void *d) { return *(int *)d; }
    int nvmlInit_v2(void) {
    #ifdef NO_DRIVER
      return 9;
    #endif
      return 0;
    }
    int nvmlDeviceGetCount_v2(u *n) { *n = 2; return 0; }
    int nvmlDeviceGetHandleByIndex_v2(u i, void **d) { *d = &devices[i]; return 0; }
    int nvmlSystemGetCudaDriverVersion_v2(int *v) { *v = 12040; return 0; }
    int nvmlDeviceGetName(void *d, char *s, u n) { strcpy(s, index_of(d) ? "NVIDIA B" : "NVIDIA A"); return 0; }
    int nvmlDeviceGetUUID(void *d, char *s, u n) { strcpy(s, index_of(d) ? "GPU-1" : "GPU-0"); return 0; }
    int nvmlDeviceGetPciInfo_v3(void *d, char *s) { memset(s, 0, 68); strcpy(s + 36, "00000000:1B:00.0"); return 0; }
    int nvmlDeviceGetNumGpuCores(void *d, u *n) { *n = 16896; return 0; }
    int nvmlDeviceGetArchitecture(void *d, u *n) { *n = index_of(d) ? 4000000000u : 9; return 0; }
    int nvmlDeviceGetNumaNodeId(void *d, u *n) { if (index_of(d)) return 3; *n = 0; return 0; }
    int nvmlDeviceGetMemoryInfo(void *d, uint64_t *m) { m[0] = 1000; m[1] = 750; m[2] = 250; return 0; }
    int nvmlDeviceGetUtilizationRates(void *d, u *r) {
    #ifdef HANG
      while (access(HANG, F_OK) != 0) usleep(1000);
    #endif
      r[0] = 40 + index_of(d); r[1] = 20; return 0;
    }
    #ifndef OLD
    int nvmlDeviceGetTemperature(void *d, u kind, u *t) { if (kind) return 2; *t = 61; return 0; }
    int nvmlDeviceGetPowerUsage(void *d, u *p) { *p = 350500; return 0; }
    int nvmlDeviceGetEnforcedPowerLimit(void *d, u *p) { *p = 701000; return 0; }
    int nvmlDeviceGetTotalEnergyConsumption(void *d, uint64_t *e) { *e = 5000500; return 0; }
    int nvmlDeviceGetClockInfo(void *d, u kind, u *c) { *c = kind == 1 ? 1980 : kind == 2 ? 2619 : 0; return 0; }
    int nvmlDeviceGetTotalEccErrors(void *d, u kind, u counter, uint64_t *c) {
      if (counter) return 2;
      *c = kind ? 0 : 7; return 0;
    }
    int nvmlDeviceGetFanSpeed(void *d, u *f) { return 3; }
    int nvmlDeviceGetPcieThroughput(void *d, u kind, u *t) { *t = kind ? 30 : 20; return 0; }
    int nvmlDeviceGetComputeRunningProcesses_v3(void *d, u *n, process *p) {
      if (index_of(d)) { *n = 0; return 0; }
      p[0].pid = 1; p[1].pid = getpid(); *n = 2; return 0;
    }
    int nvmlDeviceGetGraphicsRunningProcesses_v3(void *d, u *n, process *p) { *n = 5; return 7; }
    #endif
    #ifdef HOPPER
    static int samples[8], taken, allocated;
    int nvmlGpmQueryDeviceSupport(void *d, u *s) { if (s[0] != 1) return 25; s[1] = index_of(d) == 0; return 0; }
    int nvmlGpmSampleAlloc(void **s) { *s = &samples[allocated++]; return 0; }
    int nvmlGpmSampleGet(void *d, void *s) { *(int *)s = ++taken; return 0; }
    struct metric { u id; int status; double value; char *texts[3]; };
    struct request { u version, count; int *first, *second; struct metric metrics[333]; };
    int nvmlGpmMetricsGet(struct request *r) {
      if (r->version != 1 || *r->second != *r->first + 1) return 2;
      for (u i = 0; i < r->count; i++) {
        r->metrics[i].value = r->metrics[i].id;
        r->metrics[i].status = r->metrics[i].id == 13 ? 3 : 0;
      }
      return 0;
    }
    #endif
    """#
}
