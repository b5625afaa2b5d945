//! The release build assumes AVX2 and FMA on x86-64; a processor without them must be told, not crash.

/// Whether this processor has what the build assumes.
pub fn fits() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        true
    }
}
