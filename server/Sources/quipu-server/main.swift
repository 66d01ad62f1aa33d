import QuipuServer
import SQLiteStorage
import ArgumentParser
import ServiceLifecycle
print("x")
