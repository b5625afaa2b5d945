//! Who calls, and what the caller may do. Everything that a door lets in passes [`authorize`].

mod keeper;
mod principal;
mod rate;
mod token;

pub use keeper::Keeper;
pub use principal::{Denied, Place, Principal, Reach, authorize};
pub use rate::{Pace, Rates};
pub(crate) use token::check_tenant;
pub use token::{Minted, Wish, mint};
