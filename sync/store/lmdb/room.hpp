// Room on the disk for what makes room.
//
// LMDB changes no page in place: on a disk that is full to the last page not even an erasure can be
// committed. So a file of zeros, FOLDER/room, takes up some of the disk while there is space. What
// adds to the store is refused while it cannot be whole; what takes away is given its space.
#pragma once

#include <cstdint>
#include <string>

#include "sync/store/lmdb/environment.hpp"

namespace satchel::sync {

// Two pages of changes, of 1 MiB: what a commit frees, LMDB gives out again two commits later. At
// most a quarter of the disk.
inline constexpr std::uint64_t kRoomBytes = 2 * 1024 * 1024;
// The most that a commit may add to be one that takes away: markers, cursors.
inline constexpr std::uint64_t kSmallGrowthBytes = 4096;

// Makes `path` whole before a commit that adds. No error where as much is free inside the data
// file. kStoreDiskFull.
Status keep_room(MDB_env* environment, const std::string& path);

// Before a commit that takes away, and writes so many bytes anew: where the disk has no space for
// the pages that it copies, the room is given to the data file. That the disk is full even so, the
// commit will tell.
void use_room(MDB_env* environment, const std::string& path, std::uint64_t put_bytes);

}  // namespace satchel::sync
